import { expect } from "vitest";
import { statesOf } from "./checks.ts";
import { scenario } from "./scenario.ts";

scenario(
  "a service with a profile must run only when it is asked for",
  { files: "test/e2e/profiles", images: ["busybox"] },
  async (world, step) => {
    await step("without a profile", async () => {
      await world.stowage("up -d");
      expect(await statesOf(world)).toEqual(["profiles-always-1 running"]);
    });
    await step("with one, by flag", async () => {
      await world.stowage("--profile debug up -d");
      expect(await statesOf(world, "--profile debug")).toEqual([
        "profiles-always-1 running",
        "profiles-debug-1 running",
      ]);
    });
    await step("with one, by environment", async () => {
      await world.stowage("up -d", { env: { COMPOSE_PROFILES: "tools" } });
      expect(await statesOf(world, "--profile '*'")).toContain("profiles-tools-1 running");
    });
    await step("what another profile started is no orphan", async () => {
      expect((await world.stowage("up -d")).stderr).not.toMatch(/orphan/i);
      await world.stowage("up -d --remove-orphans");
      expect(await statesOf(world, "--profile '*'")).toHaveLength(3);
    });
    await step("named on the command line it runs without its profile", async () => {
      await world.stowage("--profile '*' down -t 1");
      await world.stowage("up -d debug");
      expect(await statesOf(world, "--profile '*'")).toContain("profiles-debug-1 running");
    });
    await step("down with all profiles", () => world.stowage("--profile '*' down -t 1"));
  },
);
