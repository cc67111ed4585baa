import { expect } from "vitest";
import { eventually, expectNothingToDo, page, statesOf } from "./checks.ts";
import { scenario } from "./scenario.ts";

scenario(
  "hello must answer on its published port and go away without a trace",
  { files: "examples/hello", images: ["busybox"] },
  async (world, step) => {
    world.env["BUSYBOX_IMAGE"] = "stowage/busybox:bookworm";
    const port = await world.givePort("WEB_PORT");
    await step("up brings it up", () => world.stowage("up -d"));
    await step("its page answers", async () =>
      expect(await eventually("the page", () => page(world, port))).toContain("Hello from a container"),
    );
    await step("one container runs", async () =>
      expect(await statesOf(world)).toEqual(["hello-web-1 running"]),
    );
    await step("there is nothing left to do", () => expectNothingToDo(world));
    await step("a second up says so", async () =>
      expect((await world.stowage("up -d")).stderr).toMatch(/nothing to do/i),
    );
    await step("a change of the mounted file is served at once", async () => {
      world.edit("www/index.html", "Hello from a container", "Hello again");
      expect(await page(world, port)).toContain("Hello again");
    });
    await step("down takes it away", () => world.stowage("down -v"));
    await step("nobody answers any more", async () => await expect(page(world, port)).rejects.toThrow());
  },
);
