import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { containerOf, eventually, startedAt } from "./checks.ts";
import { scenario } from "./scenario.ts";

scenario(
  "what a service says to watch must be synced, run, restarted or rebuilt as its files change",
  { files: "test/e2e/watch", images: ["busybox"] },
  async (world, step) => {
    const file = (path: string) => join(world.stackDir, path);
    const inside = async (script: string) =>
      (await world.attempt(`exec -T app sh -c '${script}'`)).stdout.trim();
    const watching = world.start("watch");
    await step("watch brings the stack up", () =>
      eventually("watch enabled", () => watching.output().includes("Watch enabled for app")),
    );
    await step("a changed file is synced", async () => {
      writeFileSync(file("src/page.txt"), "two\n");
      await eventually("the new text inside", async () => (await inside("cat /app/page.txt")) === "two");
    });
    await step("an ignored one is not, and a removed one goes", async () => {
      writeFileSync(file("src/skipped"), "x");
      rmSync(file("src/page.txt"));
      await eventually("nothing left inside", async () => (await inside("ls /app; echo end")) === "end");
    });
    await step("after a sync the command runs, with its environment and in its folder", async () => {
      writeFileSync(file("conf/app.conf"), "a=2\n");
      await eventually(
        "the command's mark and the text",
        async () => (await inside("cat /ran /conf/app.conf")) === "reloaded /conf\na=2",
      );
    });
    await step("after a sync the container restarts", async () => {
      const before = await startedAt(world, "app");
      writeFileSync(file("restart/seed"), "2\n");
      await eventually(
        "a later start, with the text",
        async () => (await startedAt(world, "app")) !== before && (await inside("cat /restart/seed")) === "2",
      );
    });
    await step("a changed Dockerfile is another image and container", async () => {
      const { ID: before } = await containerOf(world, "app");
      appendFileSync(file("Dockerfile"), "RUN echo new > /built\n");
      await eventually("another container", async () => (await containerOf(world, "app")).ID !== before);
      expect(await eventually("what was built", async () => (await inside("cat /built")) || false)).toBe(
        "new",
      );
    });
    await step("down ends it", async () => {
      await world.stowage("down --rmi local");
      expect((await watching.ended).code).toBe(0);
    });
  },
);
