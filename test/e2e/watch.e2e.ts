import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { containerOf, containersOf, eventually, startedAt } from "./checks.ts";
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
    await step("an ignored one is not, nor what the build ignores, and a removed one goes", async () => {
      writeFileSync(file("src/skipped"), "x");
      writeFileSync(file("src/unbuilt"), "x");
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

scenario(
  "up --watch must show output and refresh what changes, and go on while containers are replaced",
  { files: "test/e2e/watch", images: ["busybox"] },
  async (world, step) => {
    const file = (path: string) => join(world.stackDir, path);
    const up = world.start("up --watch --build --abort-on-container-exit --scale app=2");
    const ids = async () => (await containersOf(world)).map(({ ID }) => ID);
    const says = (text: string) => eventually(text, () => up.output().includes(text), 60_000);
    await step("output and the watch begin together", async () => {
      await says("Watch enabled for app");
      await says("| seed 1");
    });
    await step("after a sync the container restarts, and its output goes on", async () => {
      writeFileSync(file("restart/seed"), "2\n");
      await says("| seed 2");
    });
    await step("a rebuilt service's output comes from its new containers, as many as before", async () => {
      const before = await ids();
      appendFileSync(file("Dockerfile"), "RUN echo 3 > /restart/seed\n");
      await says("| seed 3");
      await says('Service "app" rebuilt');
      const after = await ids();
      expect([before.length, after.length]).toEqual([2, 2]);
      expect(after.filter((id) => before.includes(id))).toEqual([]);
      expect(up.output()).not.toContain("Aborting on container exit");
    });
    await step("an interrupt stops it all", async () => {
      up.kill("SIGINT");
      expect((await up.ended).code).toBe(130);
      expect((await containersOf(world)).map(({ State }) => State)).toEqual(["exited", "exited"]);
    });
    await step("without anything to watch it is refused", async () => {
      writeFileSync(
        file("compose.yaml"),
        "name: watch\nservices: {app: {image: stowage/busybox:bookworm}}\n",
      );
      const { code, stderr } = await world.attempt("up --watch");
      expect(code).toBe(1);
      expect(stderr).toContain("Nothing to watch");
      await world.stowage("down --rmi local");
    });
  },
);
