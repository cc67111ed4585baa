import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { containerOf, engineCall } from "./checks.ts";
import { scenario } from "./scenario.ts";

scenario(
  "every kind of mount must hold what it promises",
  { files: "test/e2e/volumes", images: ["busybox"] },
  async (world, step) => {
    const inside = (service: string, script: string) => world.attempt(`exec -T ${service} sh -c '${script}'`);
    await step("up", () => world.stowage("up -d"));
    await step("the root file system is read-only", async () =>
      expect((await inside("web", "touch /x")).code).not.toBe(0),
    );
    await step("a bind mount shows the host's files, both ways", async () => {
      expect((await inside("web", "cat /given/file")).stdout).toBe("from the host\n");
      expect((await inside("web", "echo back > /given/answer")).code).toBe(0);
      expect(readFileSync(join(world.stackDir, "given/answer"), "utf8")).toBe("back\n");
    });
    await step(":ro is read-only", async () =>
      expect((await inside("web", "touch /given-ro/x")).code).not.toBe(0),
    );
    await step("and what is mounted below it too, unless it says otherwise", async () => {
      expect((await inside("web", "touch /closed/shm/stowage-e2e")).code).not.toBe(0);
      expect((await inside("web", "touch /open/stowage-e2e")).code).not.toBe(0);
      expect((await inside("web", "f=/open/shm/stowage-e2e-$$; touch $f && rm $f")).code).toBe(0);
    });
    await step("a new volume has what the image has there", async () =>
      expect((await inside("web", "grep -c ^root: /etc/passwd")).stdout).toBe("1\n"),
    );
    await step("tmpfs mounts have the size asked for", async () => {
      expect((await inside("web", "dd if=/dev/zero of=/fast/f bs=1k count=900")).code).toBe(0);
      expect((await inside("web", "dd if=/dev/zero of=/fast/f bs=1k count=1100")).code).not.toBe(0);
      expect((await inside("web", "dd if=/dev/zero of=/scratch/f bs=1k count=100")).code).not.toBe(0);
    });
    await step("volumes_from gives another service's mounts, read-only if asked", async () => {
      await inside("web", "echo shared > /kept/file");
      expect((await inside("heir", "cat /kept/file")).stdout).toBe("shared\n");
      expect((await inside("heir", "touch /kept/other")).code).not.toBe(0);
    });
    await step("named volumes outlive the containers, down without -v too", async () => {
      await inside("web", "echo mine > /anonymous/file");
      await world.stowage("up -d --force-recreate -t 1");
      expect((await inside("web", "cat /kept/file")).stdout).toBe("shared\n");
      await step("an anonymous one goes on with a recreated container", async () =>
        expect((await inside("web", "cat /anonymous/file")).stdout).toBe("mine\n"),
      );
      await world.stowage("down -t 1");
      await world.stowage("up -d");
      expect((await inside("web", "cat /kept/file")).stdout).toBe("shared\n");
      expect((await inside("web", "ls /anonymous")).stdout).toBe("");
    });
    await step("down -v takes the volumes, not the host's files", async () => {
      await world.stowage("down -v -t 1");
      // The anonymous one of the containers that went without -v is nobody's now: prune finds it, as in Docker.
      await engineCall(world, "/volumes/prune", "POST");
      expect(existsSync(join(world.stackDir, "given/file"))).toBe(true);
    });
    await step("an external volume must be there", async () => {
      world.write("external.yaml", "volumes:\n  kept:\n    external: true\n    name: somebody-elses\n");
      const up = await world.attempt("-f compose.yaml -f external.yaml up -d");
      expect(up.code).toBe(1);
      expect(up.stderr).toMatch(/somebody-elses/);
      expect((await world.stowage("ps -a -q")).stdout.trim()).toBe("");
    });
    await step("a bind mount's missing folder is made, a typed one refused", async () => {
      world.write(
        "typed.yaml",
        "services:\n  web:\n    volumes:\n      - {type: bind, source: ./missing, target: /missing}\n",
      );
      const up = await world.attempt("-f compose.yaml -f typed.yaml up -d web");
      expect(up.code).toBe(1);
      expect(up.stderr).toMatch(/missing/);
      await world.stowage("-f compose.yaml -f typed.yaml down -v -t 1");
      world.write("short.yaml", "services:\n  web:\n    volumes:\n      - ./made:/made\n");
      await world.stowage("-f compose.yaml -f short.yaml up -d web");
      expect(existsSync(join(world.stackDir, "made"))).toBe(true);
      expect((await containerOf(world, "web")).State).toBe("running");
    });
    await step("down", () => world.stowage("down -v -t 1"));
  },
);
