import { homedir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { page } from "./checks.ts";
import { scenario } from "./scenario.ts";
import { CHECKOUT } from "./world.ts";

scenario(
  "npm run demo must bring examples/shop up, show it, and say how to go on; twice as well as once",
  {},
  async (world, step) => {
    const shop = join(CHECKOUT, "examples/shop");
    const port = await world.givePort("WEB_PORT");
    await world.givePort("DB_PORT");
    await world.givePort("CACHE_PORT");
    // What is kept for all checkouts is not made anew for this one scenario.
    world.env["XDG_CACHE_HOME"] = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
    const demo = () =>
      world.command("npm", ["run", "--silent", "demo"], {
        cwd: CHECKOUT,
        env: { STOWAGE_IMAGES: "local" },
      });

    await step("the first time", async () => {
      const { code, stdout, stderr } = await demo();
      expect(code, stdout + stderr).toBe(0);
      expect(stdout).toContain(`http://localhost:${port} answers`);
      expect(stdout).toMatch(/cake.*5\.10/);
    });
    await step("the second time has nothing to do", async () => {
      const { code, stdout, stderr } = await demo();
      expect(code, stdout + stderr).toBe(0);
      expect(stderr).toMatch(/nothing to do/i);
    });
    await step("the page answers", async () => expect(await page(world, port)).toContain("cake"));
    await step("the way down that it prints works", () =>
      world.stowage("--env-file .env --env-file ../local-images.env down -v", { cwd: shop }),
    );
  },
);
