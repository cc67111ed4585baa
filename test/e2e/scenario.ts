import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CHECKOUT, World } from "./world.ts";

export interface ScenarioOptions {
  /** Folder of the stack's files, copied for the scenario: `examples/shop`, `test/e2e/drift`. Absent: an empty one. */
  readonly files?: string;
  /** Images that the stack's files name, as scripts/images calls them. */
  readonly images?: readonly string[];
  readonly timeoutMs?: number;
}

export type Step = <T>(sentence: string, action: () => Promise<T> | T) => Promise<T>;

/**
 * One obligation: "a stack must ...". It runs in a world of its own, step by step; each step is a sentence. A scenario
 * takes down what it brings up; whatever is left on the machine after that fails it. When it fails, the transcript,
 * the daemon's log and the files are kept in test-results/.
 */
export function scenario(
  obligation: string,
  options: ScenarioOptions,
  run: (world: World, step: Step) => Promise<void>,
): void {
  test(obligation, { timeout: options.timeoutMs ?? 900_000 }, async () => {
    const world = await World.create(options.files);
    let sentence = "load the images";
    const step: Step = async (title, action) => {
      sentence = title;
      world.note(`-- ${title}`);
      return await action();
    };
    try {
      if (options.images !== undefined) await world.loadImages(options.images);
      await run(world, step);
      await step("nothing of the stack is left on the machine", () => nothingLeft(world));
      await step("the daemon ends and leaves nothing either", async () => {
        await world.destroy();
        expect(world.leftovers()).toEqual([]);
      });
    } catch (error) {
      const kept = keepEvidence(world, obligation, sentence, error);
      if (process.env["STOWAGE_E2E_KEEP"] === undefined) {
        await world.destroy();
        world.remove();
      }
      throw new Error(
        `${sentence}: ${error instanceof Error ? error.message : String(error)}\n(see ${kept})`,
        {
          cause: error,
        },
      );
    }
    world.remove();
  });
}

async function nothingLeft(world: World): Promise<void> {
  // The kernel takes down network devices a moment after their namespace has gone.
  await expect.poll(() => world.leftovers(), { timeout: 60_000, interval: 100 }).toEqual([]);
}

function keepEvidence(world: World, obligation: string, sentence: string, error: unknown): string {
  const kept = join(CHECKOUT, "test-results", obligation.replaceAll(/[^a-z0-9]+/gi, "-").slice(0, 80));
  mkdirSync(kept, { recursive: true });
  writeFileSync(
    join(kept, "failure.txt"),
    `${sentence}\n\n${String(error)}\n\nleft over:\n${world.leftovers().join("\n")}\n`,
  );
  for (const [from, to] of [
    [join(world.dir, "transcript.log"), "transcript.log"],
    [join(world.rootDir, "daemon.log"), "daemon.log"],
    [world.stackDir, "stack"],
  ] as const) {
    try {
      cpSync(from, join(kept, to), { recursive: true });
    } catch {
      // Whatever is not there cannot be kept.
    }
  }
  return kept;
}
