import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { textLog } from "../../src/lib/log.ts";
import { openEngine } from "../../src/runtime/engine/index.ts";
import type { ContainerRuntime } from "../../src/runtime/index.ts";
import { busyboxTar } from "./busybox-image.ts";
import { type Inventory, leaks, takeInventory } from "./leaks.ts";

export const BUSYBOX = "busybox:test";

/** An engine in folders of its own, with a busybox image; closed and opened again as a daemon would be. */
export class TestEngine {
  readonly rootDir: string;
  readonly runDir: string;
  readonly #base: string;
  #runtime: ContainerRuntime | undefined;
  #before: Inventory = [];

  constructor(name: string) {
    this.#base = mkdtempSync(join(tmpdir(), `stowage-${name}-`));
    this.rootDir = join(this.#base, "root");
    this.runDir = join(this.#base, "run");
  }

  get runtime(): ContainerRuntime {
    if (this.#runtime === undefined) throw new Error("The engine is not open");
    return this.#runtime;
  }

  async open(): Promise<ContainerRuntime> {
    const { rootDir, runDir } = this;
    const level = process.env["STOWAGE_TEST_LOG"] === "debug" ? "debug" : "warn";
    this.#runtime = await openEngine({
      rootDir,
      runDir,
      log: textLog((line) => process.stderr.write(line), level),
    });
    return this.#runtime;
  }

  /** Open, with the image, and with what is on the machine noted for `leaked`. */
  async prepare(): Promise<ContainerRuntime> {
    const runtime = await this.open();
    await runtime.images.import(busyboxTar(), { reference: BUSYBOX });
    this.#before = this.inventory();
    return runtime;
  }

  inventory(): Inventory {
    return takeInventory(this.rootDir, this.runDir);
  }

  /** What is there now and was not after `prepare`. */
  leaked(): Inventory {
    return leaks(this.#before, this.inventory());
  }

  async close(): Promise<void> {
    await this.#runtime?.close();
    this.#runtime = undefined;
  }

  /** Removes every container and the folders. */
  async destroy(): Promise<void> {
    const { containers } = this.#runtime ?? (await this.open());
    for (const { id } of await containers.list({ all: true }))
      await containers.remove(id, { force: true, volumes: true }).catch(() => {});
    await this.close();
    rmSync(this.#base, { recursive: true, force: true });
  }
}
