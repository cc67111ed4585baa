import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { containersOf, eventually, expectNothingToDo, expectRefusal, gone, page } from "./checks.ts";
import { scenario } from "./scenario.ts";

const FILES = { files: "test/e2e/handover", images: ["busybox"] } as const;

scenario("published ports must go from one service to another in one up", FILES, async (world, step) => {
  const first = await world.givePort("FIRST");
  const second = await world.givePort("SECOND");
  await step("up", () => world.stowage("up -d"));
  await step("the ports swapped", async () => {
    Object.assign(world.env, { FIRST: String(second), SECOND: String(first) });
    const { stderr } = await world.stowage("up -d");
    expect(stderr).toMatch(/Container handover-one-1 {2}Recreated/);
    expect(stderr).not.toMatch(/[0-9a-f]{12}_handover/);
    expect(await eventually("one answers", () => page(world, second))).toBe("one\n");
    expect(await eventually("two answers", () => page(world, first))).toBe("two\n");
    await expectNothingToDo(world);
  });
  await step(
    "a service that is no longer declared keeps its port, and up says so before it changes anything",
    async () => {
      const before = await containersOf(world);
      world.edit("compose.yaml", "  one:\n", "  uno:\n");
      world.edit("compose.yaml", "      one: {", "      uno: {");
      expectRefusal(
        await world.attempt("up -d uno"),
        1,
        `port ${second} is taken by container "handover-one-1"`,
      );
      expect((await containersOf(world)).map(({ ID }) => ID)).toEqual(before.map(({ ID }) => ID));
      await world.stowage("up -d uno --remove-orphans");
      await eventually("it answers", async () => (await page(world, second)) === "one\n");
    },
  );
  await step("down", () => world.stowage("down"));
});

scenario(
  "a down that a crash interrupts must be finished, and the stack forgotten",
  FILES,
  async (world, step) => {
    Object.assign(world.env, { FIRST: "0", SECOND: "0" });
    await step("up", () => world.stowage("--profile stubborn up -d"));
    const stored = join(world.rootDir, "stacks", "handover");
    expect(existsSync(stored)).toBe(true);
    await step("the daemon is killed while a container is being stopped", async () => {
      const pid = await world.daemonPid();
      const down = world.start("--profile stubborn down");
      await eventually("it has begun", () => /stubborn-1 {2}Stopping/.test(down.output()));
      process.kill(pid, "SIGKILL");
      expect((await down.ended).code).not.toBe(0);
      await gone(pid);
    });
    await step("the next daemon takes down what is left and keeps nothing of it", async () => {
      await eventually("nothing runs", async () => (await world.stowage("ls -a -q")).stdout === "");
      await eventually("it is forgotten", () => !existsSync(stored));
      expect(readdirSync(join(world.rootDir, "stacks"))).toEqual([]);
    });
  },
);
