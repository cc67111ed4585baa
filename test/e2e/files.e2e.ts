import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { containerOf, engineCall } from "./checks.ts";
import { scenario } from "./scenario.ts";

scenario(
  "configs and secrets must be files in the container, and secrets nowhere else",
  { files: "test/e2e/files", images: ["busybox"] },
  async (world, step) => {
    world.env["TOKEN"] = "token-that-nobody-else-sees";
    const inside = async (script: string) => (await world.stowage(`exec -T reader sh -c '${script}'`)).stdout;
    const key = (...bytes: number[]) => writeFileSync(join(world.stackDir, "key.bin"), Buffer.from(bytes));
    key(0, 255, 10);
    await step("up", () => world.stowage("up -d"));
    await step("configs", async () => {
      expect(await inside("cat /settings")).toBe("colour = blue\n");
      expect(await inside("cat /etc/inline.conf; stat -c %u:%g:%a /etc/inline.conf")).toBe(
        "port = 1234\n1000:1000:440\n",
      );
    });
    await step("secrets", async () => {
      expect(await inside("cat /run/secrets/password")).toBe("not very secret");
      expect(await inside("cat /run/secrets/token")).toBe("token-that-nobody-else-sees");
    });
    await step("a file with an owner and mode has them, whatever those of its source are", async () => {
      expect(await inside("stat -c %u:%g:%a /run/secrets/key; od -An -tx1 /run/secrets/key")).toBe(
        "70:71:400\n 00 ff 0a\n",
      );
    });
    await step("a changed source file is a changed container, an unchanged one is not", async () => {
      const { ID: before } = await containerOf(world, "reader");
      await world.stowage("up -d");
      expect((await containerOf(world, "reader")).ID).toBe(before);
      key(1);
      await world.stowage("up -d");
      expect((await containerOf(world, "reader")).ID).not.toBe(before);
      expect(await inside("od -An -tx1 /run/secrets/key")).toBe(" 01\n");
    });
    await step("a secret is in no environment and no answer of the API", async () => {
      const { ID } = await containerOf(world, "reader");
      expect(JSON.stringify(await engineCall(world, `/containers/${ID}/json`))).not.toContain(
        "nobody-else-sees",
      );
      expect(await inside("env")).not.toContain("nobody-else-sees");
    });
    const holders = async () => {
      const dirs = [world.rootDir, world.runDir];
      const search = ["-xdev", "-type", "f", "-exec", "grep", "-laF", "nobody-else-sees", "{}", "+"];
      const { stdout } = await world.command("find", [...dirs, ...search]);
      return stdout.split("\n").filter(Boolean).sort();
    };
    await step(
      "on disk it is where the container reads it, and in the stack's own file for root",
      async () => {
        const { ID } = await containerOf(world, "reader");
        const [own, ...stored] = await holders();
        expect(own).toMatch(new RegExp(`^${world.rootDir}/rootfs/${ID}.*/run/secrets/token$`));
        for (const path of stored) {
          expect(path).toMatch(/\/stacks\/files\/(desired|revisions\/\d+)\.json$/);
          expect((statSync(path).mode & 0o777).toString(8)).toBe("600");
        }
      },
    );
    await step("down", () => world.stowage("down -t 1"));
    await step("it is gone with the stack: from files, logs and events", async () =>
      expect(await holders()).toEqual([]),
    );
  },
);
