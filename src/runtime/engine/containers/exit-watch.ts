import { type FSWatcher, watch } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";

const ID = /^[0-9a-f]{64}$/;

/** Sees the exit files that monitors leave, those from before it opened included. */
export class ExitWatch {
  readonly #folder: string;
  readonly #notice: (id: string) => void;
  #watcher: FSWatcher | undefined;

  constructor(folder: string, notice: (id: string) => void) {
    this.#folder = folder;
    this.#notice = notice;
  }

  /** Watches first and looks then: no exit falls between. */
  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    this.#watcher = watch(this.#folder, (_, name) => {
      if (name !== null && ID.test(name)) this.#notice(name);
    });
    this.#watcher.on("error", () => {});
    for (const name of await readdir(this.#folder)) if (ID.test(name)) this.#notice(name);
  }

  close(): void {
    this.#watcher?.close();
  }
}
