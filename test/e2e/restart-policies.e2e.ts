import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { containerOf, engineCall, eventually, killDaemon, settled } from "./checks.ts";
import { scenario } from "./scenario.ts";
import type { World } from "./world.ts";

scenario(
  "restart policies must be Docker's, over restarts of the daemon too",
  { files: "test/e2e/restart-policies", images: ["busybox"] },
  async (world, step) => {
    await step("up", () => world.stowage("up -d"));
    await step("no: stays ended, with its code", async () =>
      expect(await ended(world, "never")).toMatchObject({ ExitCode: 4, RestartCount: 0 }),
    );
    await step("on-failure: not after success", async () =>
      expect(await ended(world, "clean")).toMatchObject({ ExitCode: 0, RestartCount: 0 }),
    );
    await step("on-failure:2: two more tries, then it stays ended", async () => {
      await eventually("two restarts", async () => (await ended(world, "twice"))?.RestartCount === 2);
      const tries = join(world.rootDir, "volumes/restart-policies_tries");
      const file = [join(tries, "_data/file"), join(tries, "data/file")].find(existsSync);
      expect(readFileSync(file ?? "", "utf8")).toBe("try\ntry\ntry\n");
    });
    await step("always: again and again, later and later", () =>
      eventually("several restarts", async () => (await inspect(world, "looping")).RestartCount >= 3),
    );
    await step("the controller leaves what has given up, and what loops, to the policy", () =>
      settled(world, "restart-policies"),
    );
    await step("a person's stop ends the loop", async () => {
      await world.stowage("stop looping stopped");
      expect((await containerOf(world, "looping")).State).toBe("exited");
    });
    const before = await inspect(world, "steady");
    await step("the daemon is killed and another one started", async () => {
      await killDaemon(world);
      await world.stowage("ls");
    });
    await step("what ran runs on, what was stopped stays so", async () => {
      await settled(world, "restart-policies");
      expect((await inspect(world, "steady")).Pid).toBe(before.Pid);
      for (const service of ["stopped", "looping", "never", "clean", "twice"]) {
        expect((await containerOf(world, service)).State, service).toBe("exited");
      }
    });
    await step("down", () => world.stowage("down -v -t 1"));
  },
);

interface Inspected {
  readonly RestartCount: number;
  readonly Pid: number;
  readonly ExitCode: number;
  readonly Status: string;
}

async function inspect(world: World, service: string): Promise<Inspected> {
  const { ID } = await containerOf(world, service);
  const found = (await engineCall(world, `/containers/${ID}/json`)) as {
    readonly RestartCount: number;
    readonly State: { readonly Pid: number; readonly ExitCode: number; readonly Status: string };
  };
  return { RestartCount: found.RestartCount, ...found.State };
}

function ended(world: World, service: string): Promise<Inspected> {
  return eventually(`${service} has ended`, async () => {
    const found = await inspect(world, service);
    return found.Status === "exited" && found;
  });
}
