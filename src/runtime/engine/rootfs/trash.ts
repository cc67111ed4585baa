import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "../../../lib/atomic-file.ts";
import { startTool } from "./tool.ts";

/**
 * Deletes whole trees in the background: what is discarded is renamed away at once, so that its name is free and
 * a crash in the middle leaves only a leftover that the next start finds here.
 */
export class Trash {
  readonly #dir: string;
  #emptying: Promise<void> | undefined;
  #isDirty = false;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** `temporaryDir` must be on the file system of what is discarded. Leftovers are deleted. */
  static async open(temporaryDir: string): Promise<Trash> {
    const dir = join(temporaryDir, "trash");
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const trash = new Trash(dir);
    if ((await readdir(dir)).length > 0) trash.#empty();
    return trash;
  }

  async discard(path: string): Promise<void> {
    try {
      await rename(path, join(this.#dir, randomBytes(8).toString("hex")));
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    this.#empty();
  }

  /** Until all that was discarded so far is gone. */
  async settled(): Promise<void> {
    while (this.#emptying !== undefined) await this.#emptying;
  }

  #empty(): void {
    this.#isDirty = true;
    this.#emptying ??= this.#run().finally(() => {
      this.#emptying = undefined;
    });
  }

  async #run(): Promise<void> {
    while (this.#isDirty) {
      this.#isDirty = false;
      // The whole data root may be deleted under a test: nothing to do then.
      const names = await readdir(this.#dir).catch(() => []);
      if (names.length === 0) continue;
      const tool = startTool([
        "rm",
        "-rf",
        "--one-file-system",
        "--",
        ...names.map((name) => join(this.#dir, name)),
      ]);
      tool.stdout.resume();
      await tool.ended.catch(() => {});
    }
  }
}
