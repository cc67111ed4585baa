import { expect } from "vitest";
import {
  containerOf,
  containersOf,
  eventually,
  expectNothingToDo,
  gone,
  killDaemon,
  page,
  pidOf,
  startedAt,
} from "./checks.ts";
import { scenario } from "./scenario.ts";

const FILES = { files: "test/e2e/crash", images: ["busybox"] } as const;

scenario("a killed process must come back by its restart policy", FILES, async (world, step) => {
  const port = await world.givePort("WEB_PORT");
  await step("up", () => world.stowage("up -d"));
  const web = await containerOf(world, "web");
  const first = await startedAt(world, "web");
  await step("kill -9 of its process on this machine", async () =>
    process.kill(await pidOf(world, web.ID), "SIGKILL"),
  );
  await step("the same container runs again and serves", async () => {
    await eventually("a new start", async () => (await startedAt(world, "web")) !== first);
    await eventually("the page", () => page(world, port));
    expect((await containerOf(world, "web")).ID).toBe(web.ID);
  });
  await step("down", () => world.stowage("down -v"));
});

scenario(
  "a killed daemon must cost no container, no log line and no exit code",
  FILES,
  async (world, step) => {
    const port = await world.givePort("WEB_PORT");
    await step("up", () => world.stowage("up -d"));
    const before = await containersOf(world);
    const started = await startedAt(world, "web");
    await step("it serves", () => eventually("the page", () => page(world, port)));

    for (let round = 1; round <= 5; round++) {
      await step(`kill -9 of the daemon (${round}), while containers write`, () => killDaemon(world));
      await step("what runs goes on, with nobody's help", async () =>
        expect(await page(world, port)).toBe("served\n"),
      );
      await step("the next command finds all of it", async () => {
        const after = await containersOf(world);
        expect(after.map(({ ID, State }) => [ID, State])).toEqual(before.map(({ ID, State }) => [ID, State]));
        expect(await startedAt(world, "web")).toBe(started);
      });
    }

    await step("a container that ends while no daemon is there keeps its exit code", async () => {
      await world.stowage("exec -T mortal touch /armed");
      const mortal = await pidOf(world, (await containerOf(world, "mortal")).ID);
      await killDaemon(world);
      await world.command("touch", [`/proc/${mortal}/root/gone`]);
      await gone(mortal);
      // Its monitor notes the code a moment after the process has gone.
      const ended = await eventually("it counts as ended", async () => {
        const found = await containerOf(world, "mortal");
        return found.State !== "running" && found;
      });
      expect(ended).toMatchObject({ State: "exited", ExitCode: 3 });
    });

    await step("no line of the log is missing, doubled or out of order", async () => {
      await eventually(
        "there are more than 100 000 lines",
        async () => Number((await world.stowage("logs --no-log-prefix --tail 1 counter")).stdout) > 100_000,
        300_000,
      );
      await world.stowage("exec -T counter touch /enough");
      await eventually(
        "the last line is written",
        async () => (await world.stowage("logs --no-log-prefix --tail 1 counter")).stdout === "end\n",
      );
      const { stdout } = await world.stowage("logs --no-log-prefix counter");
      const lines = stdout.trimEnd().split("\n");
      lines.pop();
      const firstWrong = lines.findIndex((line, index) => line !== String(index + 1));
      expect(firstWrong === -1 ? "all there" : lines.slice(Math.max(0, firstWrong - 2), firstWrong + 3)).toBe(
        "all there",
      );
      expect(lines.length).toBeGreaterThan(100_000);
    });
    await step("up runs the ended one again, and finds nothing else to do", async () => {
      expect((await world.stowage("plan")).stdout).toMatch(/: 1 step\n.*container\/crash-mortal-1:start/);
      await world.stowage("up -d");
      expect(await startedAt(world, "web")).toBe(started);
    });
    await step("down", () => world.stowage("down -v -t 1"));
  },
);

scenario("a daemon killed in the middle of up must leave nothing half-made", FILES, async (world, step) => {
  const port = await world.givePort("WEB_PORT");
  await step("the daemon runs", () => world.stowage("ls"));
  for (const delayMs of [30, 120, 250, 400, 700]) {
    await step(`kill -9 ${delayMs} ms into an up`, async () => {
      const pid = await world.daemonPid();
      const up = world.start("up -d");
      await new Promise((done) => setTimeout(done, delayMs));
      process.kill(pid, "SIGKILL");
      expect((await up.ended).code).not.toBe(undefined);
      await gone(pid);
    });
    await step("the next up brings all of it up", async () => {
      await world.stowage("up -d");
      expect((await containersOf(world)).map(({ Name, State }) => `${Name} ${State}`)).toEqual([
        "crash-counter-1 running",
        "crash-mortal-1 running",
        "crash-web-1 running",
      ]);
      await eventually("the page", () => page(world, port));
      await expectNothingToDo(world);
    });
    await step("down leaves nothing", async () => {
      await world.stowage("down -v -t 1");
      await eventually("nothing is left", () => world.leftovers().length === 0);
    });
  }
});
