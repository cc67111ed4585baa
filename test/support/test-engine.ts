import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { textLog } from "../../src/lib/log.ts";
import { openEngine } from "../../src/runtime/engine/index.ts";
import type { ContainerRuntime } from "../../src/runtime/index.ts";
import { busyboxTar } from "./busybox-image.ts";
import { type Inventory, isOfOthers, leaks, takeInventory } from "./leaks.ts";
import { until } from "./until.ts";

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
    this.#before = takeInventory(this.rootDir, this.runDir);
    return runtime;
  }

  /** What is there and was not after `prepare`, of what is asked for; what is not in our hands has time to go. */
  async leaked(isAskedFor: (line: string) => boolean = () => true): Promise<Inventory> {
    const look = () => leaks(this.#before, takeInventory(this.rootDir, this.runDir)).filter(isAskedFor);
    const ours = look().filter((line) => !isOfOthers(line));
    await until(() => !look().some(isOfOthers)).catch(() => {});
    return [...ours, ...look().filter(isOfOthers)];
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
