import { closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { Libc } from "./libc.ts";
import type { Mounts } from "./mounts.ts";

const CLONE_NEWNET = 0x40000000;

/** Which network namespace this thread is in. Every step aside ends where it began, or the thread must end. */
export class Namespaces {
  readonly #libc: Libc;
  readonly #mounts: Mounts;
  readonly #home = openSync("/proc/thread-self/ns/net", "r");

  constructor(libc: Libc, mounts: Mounts) {
    this.#libc = libc;
    this.#mounts = mounts;
  }

  /** A new namespace, kept alive by a mount at `path`. `setUp` runs inside it. */
  create(path: string, setUp: () => void): void {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "wx", 0o444));
    try {
      this.#libc.unshare(CLONE_NEWNET);
      this.#thenHome(() => {
        this.#mounts.bind("/proc/thread-self/ns/net", path);
        setUp();
      });
    } catch (error) {
      this.remove(path);
      throw error;
    }
  }

  remove(path: string): void {
    this.#mounts.unmount(path, true);
    rmSync(path, { force: true });
  }

  inside<T>(path: string, work: () => T): T {
    const fd = openSync(path, "r");
    try {
      this.#libc.setns(fd, CLONE_NEWNET);
    } finally {
      closeSync(fd);
    }
    return this.#thenHome(work);
  }

  close(): void {
    closeSync(this.#home);
  }

  #thenHome<T>(work: () => T): T {
    try {
      return work();
    } finally {
      this.#libc.setns(this.#home, CLONE_NEWNET);
    }
  }
}
