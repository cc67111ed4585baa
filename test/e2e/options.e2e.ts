import { expect } from "vitest";
import { containerOf, engineCall, eventually } from "./checks.ts";
import { scenario } from "./scenario.ts";

scenario(
  "what a service declares must be what its process finds",
  { files: "test/e2e/options", images: ["busybox"] },
  async (world, step) => {
    world.env["FROM_HERE"] = "shell";
    const inside = async (script: string) =>
      (await world.stowage(`exec -T all sh -c '${script}'`)).stdout.trim();
    await step("up", () => world.stowage("up -d"));
    await step("entrypoint and command", async () =>
      expect(
        await eventually(
          "its line",
          async () => (await world.stowage("logs --no-log-prefix all")).stdout || false,
        ),
      ).toBe("argument \n"),
    );
    await step("user, groups and folder", async () => {
      expect(await inside("id -u; id -g; pwd")).toBe("1000\n1000\n/var/spool");
      expect(await inside("id -G")).toContain("4242");
    });
    await step("host and domain name", async () => {
      expect(await inside("hostname")).toBe("chosen");
      expect(await inside("grep -c chosen.example.test /etc/hosts")).toBe("1");
    });
    await step("environment, by file, by the shell that asked, by value", async () =>
      expect(await inside('echo "$PLAIN|$FROM_HERE|$EMPTY|$FROM_FILE|$QUOTED"')).toBe(
        "value|shell||file|two words",
      ),
    );
    await step("limits", async () => {
      // Of the first process: runc 1.1 may lose the soft limit of an exec.
      expect(await inside("grep open /proc/1/limits")).toMatch(/^Max open files +512 +1024 /);
      expect(await inside('df -k /dev/shm | awk "END { print \\$2 }"')).toBe("8192");
      const { ID } = await containerOf(world, "all");
      expect(await engineCall(world, `/containers/${ID}/json`)).toMatchObject({
        HostConfig: { Memory: 64 * 2 ** 20, NanoCpus: 500_000_000, PidsLimit: 50, OomScoreAdj: 200 },
        Config: { Labels: { owner: "somebody" } },
      });
    });
    await step("kernel settings, capabilities, privileges", async () => {
      expect(await inside("cat /proc/sys/net/core/somaxconn")).toBe("333");
      // Only the raw network's bit is in the bounding set; another user has none in effect.
      expect(await inside("grep CapBnd /proc/1/status")).toMatch(/0000000000002000$/);
      expect(await inside("grep NoNewPrivs /proc/self/status")).toMatch(/1$/);
    });
    await step("devices and name resolution", async () => {
      expect(await inside("test -c /dev/nothing && echo there")).toBe("there");
      expect(await inside("cat /etc/resolv.conf")).toMatch(/search example\.test/);
    });
    await step("too many processes are refused", async () => {
      const forks = await world.attempt(
        "exec -T all sh -c 'for i in $(seq 100); do sleep 60 >/dev/null 2>&1 & done; wait'",
      );
      expect(forks.stderr).toMatch(/fork|Resource temporarily unavailable/);
    });
    await step("down", () => world.stowage("down -t 1"));
  },
);
