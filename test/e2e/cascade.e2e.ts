import { expect } from "vitest";
import { containersOf } from "./checks.ts";
import { scenario } from "./scenario.ts";

const FILES = { files: "test/e2e/cascade", images: ["busybox"] } as const;

scenario("up in the foreground must end with its containers when asked to", FILES, async (world, step) => {
  await step("--abort-on-container-exit ends all when one ends", async () => {
    const up = await world.attempt("up --abort-on-container-exit running done");
    expect(up.code).toBe(0);
    expect(up.stdout).toMatch(/^done-1\s+\| the end$/m);
    expect((await containersOf(world)).map(({ State }) => State)).toEqual(["exited", "exited"]);
  });
  await step("--abort-on-container-failure ends with the failure's code", async () => {
    const up = await world.attempt("up --abort-on-container-failure running done broken");
    expect(up.code).toBe(111);
  });
  await step("--exit-code-from ends with that service's code", async () => {
    const up = await world.attempt("up --exit-code-from broken running broken");
    expect(up.code).toBe(111);
  });
  await step("wait prints and ends with a service's exit code", async () => {
    await world.stowage("up -d");
    const waited = await world.attempt("wait broken");
    expect(waited.code).toBe(111);
  });
  await step("down", () => world.stowage("down -t 1"));
});
