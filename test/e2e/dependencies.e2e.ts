import { expect } from "vitest";
import { containersOf, eventually, startedAt, statesOf } from "./checks.ts";
import { scenario } from "./scenario.ts";

const FILES = { files: "test/e2e/dependencies", images: ["busybox"] } as const;

scenario("services must start in the order that depends_on declares", FILES, async (world, step) => {
  await step("up", () => world.stowage("up -d"));
  await step("each wrote its name after the one it needs ended or got healthy", async () => {
    const written = await eventually("four names", async () => {
      const names = (await world.stowage("exec -T fourth cat /order/order")).stdout
        .split("\n")
        .filter(Boolean);
      return names.length === 4 && names;
    });
    expect(written.slice(0, 2)).toEqual(["first", "second"]);
    expect(written).toContain("third");
    expect(written).toContain("fourth");
  });
  await step("or was started after the one that it needs started", async () => {
    // What two running processes do first is for the kernel to say.
    const third = Date.parse(await startedAt(world, "third"));
    expect(Date.parse(await startedAt(world, "fourth"))).toBeGreaterThan(third);
  });
  await step("up of one service brings up what it needs, and no more", async () => {
    await world.stowage("down -v -t 1");
    await world.stowage("up -d third");
    expect(await statesOf(world)).toEqual([
      "dependencies-first-1 exited",
      "dependencies-second-1 running",
      "dependencies-third-1 running",
    ]);
  });
  await step("down", () => world.stowage("down -v -t 1"));
});

scenario(
  "what a failed job or a sick service is needed for must not start, and up must say why",
  FILES,
  async (world, step) => {
    await step("a job that fails", async () => {
      const up = await world.attempt("--profile failing-job up -d failing-job after-failing-job");
      expect(up.code).toBe(1);
      expect(up.stderr).toMatch(/failing-job.*exit(ed)? \(?3/);
      expect(states(await containersOf(world, "--profile failing-job"))["after-failing-job"]).not.toBe(
        "running",
      );
    });
    await step("a service that is not healthy", async () => {
      const up = await world.attempt("--profile sick up -d sick after-sick");
      expect(up.code).toBe(1);
      expect(up.stderr).toMatch(/sick.*unhealthy/);
      expect(states(await containersOf(world, "--profile sick"))["after-sick"]).not.toBe("running");
    });
    await step("up --wait of the sick one alone fails too", async () => {
      const up = await world.attempt("--profile sick up -d --wait sick");
      expect(up.code).toBe(1);
      expect(up.stderr).toMatch(/unhealthy/);
    });
    await step("an optional dependency that is not there is no obstacle", () =>
      world.stowage("--profile optional up -d with-optional"),
    );
    await step("down", () => world.stowage("--profile '*' down -v -t 1"));
  },
);

function states(containers: Awaited<ReturnType<typeof containersOf>>): Record<string, string> {
  return Object.fromEntries(containers.map(({ Service, State }) => [Service, State]));
}
