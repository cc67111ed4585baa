import { expect } from "vitest";
import { containerOf, engineCall, eventually, expectNothingToDo, page, settled } from "./checks.ts";
import { scenario } from "./scenario.ts";

scenario(
  "what somebody else does to a stack must be put right without being asked",
  { files: "test/e2e/drift", images: ["busybox"] },
  async (world, step) => {
    const port = await world.givePort("WEB_PORT");
    await step("up", () => world.stowage("up -d"));
    await step("it serves", () => eventually("the page", () => page(world, port)));
    const client = await containerOf(world, "client");

    await step("a container that somebody stopped is started again", async () => {
      const before = await containerOf(world, "web");
      await engineCall(world, `/containers/${before.ID}/stop?t=1`, "POST");
      await eventually("the page is back", () => page(world, port));
      expect((await containerOf(world, "web")).ID).toBe(before.ID);
    });

    await step("a container that somebody removed is made again, and no other touched", async () => {
      const before = await containerOf(world, "web");
      await engineCall(world, `/containers/${before.ID}?force=true`, "DELETE");
      await eventually("the page is back", () => page(world, port));
      expect((await containerOf(world, "web")).ID).not.toBe(before.ID);
      expect((await containerOf(world, "client")).ID).toBe(client.ID);
    });

    await step("the others still reach it by name", () =>
      eventually("the name leads to the new one", async () =>
        (await world.stowage("exec -T client wget -qO- http://web/")).stdout.includes("served"),
      ),
    );

    await step("the finished job was not run again", async () => {
      await settled(world, "drift");
      expect((await containerOf(world, "job")).ExitCode).toBe(0);
    });

    await step("a network and a volume that somebody takes away come back", async () => {
      for (const service of ["web", "client"]) {
        await engineCall(world, `/containers/${(await containerOf(world, service)).ID}?force=true`, "DELETE");
        // The stack is being mended meanwhile: these may be refused, since a container has them again.
        await engineCall(world, "/networks/drift_front", "DELETE");
        await engineCall(world, "/volumes/drift_data", "DELETE");
      }
      await eventually("the page is back", () => page(world, port));
      // It may be settled for a moment between two of the events that all this brings.
      await eventually("all of it is back", async () => {
        await settled(world, "drift");
        return (await world.stowage("exec -T client wget -qO- http://web/")).stdout === "served\n";
      });
      expect(await engineCall(world, "/volumes/drift_data")).toMatchObject({ Name: "drift_data" });
    });
    await step("then there is nothing left to do", async () => {
      await settled(world, "drift");
      await expectNothingToDo(world);
    });
    await step("down -v", () => world.stowage("down -v -t 1"));
  },
);
