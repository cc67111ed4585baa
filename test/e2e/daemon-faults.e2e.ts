import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { containersOf, eventually, expectRefusal, gone, statesOf } from "./checks.ts";
import { scenario } from "./scenario.ts";
import { CHECKOUT, imageArchive } from "./world.ts";

const SIMPLE = { files: "test/e2e/faults/simple", images: ["busybox"] } as const;

scenario(
  "a second daemon on the same root must say who has it and end with 3",
  SIMPLE,
  async (world, step) => {
    const pid = await world.daemonPid();
    await step("on the same root and run folder", async () =>
      expectRefusal(await world.attempt("daemon run"), 3, String(pid)),
    );
    await step("on the same root alone", async () =>
      expectRefusal(
        await world.attempt("daemon run", { env: { STOWAGE_RUN: join(world.dir, "run2") } }),
        3,
        String(pid),
      ),
    );
    await step("the first one is still there", async () => expect(await world.daemonPid()).toBe(pid));
  },
);

/** Never healthy, so that `--wait` waits. */
const WAITING = `services:
  slow:
    image: stowage/busybox:bookworm
    init: true
    command: sleep 1000
    healthcheck: { test: [CMD, "false"], interval: 1h }
`;

scenario("a stale socket must be no obstacle", SIMPLE, async (world, step) => {
  await step("the daemon dies under a command, which says so, and leaves its socket", async () => {
    const pid = await world.daemonPid();
    const up = world.attempt("-p slow -f - up -d --wait", { input: WAITING });
    await eventually("it waits", async () =>
      (await statesOf(world, "-p slow")).includes("slow-slow-1 running"),
    );
    process.kill(pid, "SIGKILL");
    expectRefusal(await up, 1, 'Lost the daemon while it worked on `up` of stack "slow"');
    await gone(pid);
    expect(existsSync(join(world.runDir, "stowage.sock"))).toBe(true);
    await world.stowage("-p slow down -t 0");
  });
  await step("the next command starts another one", () => world.stowage("up -d"));
  await step("down", () => world.stowage("down -t 1"));
});

scenario("the daemon must end in the middle of a request, and say so", SIMPLE, async (world, step) => {
  const pid = await world.daemonPid();
  const up = world.attempt("-p slow -f - up -d --wait", { input: WAITING });
  await step("while up --wait waits, daemon stop ends within seconds", async () => {
    await eventually("it waits", async () =>
      (await statesOf(world, "-p slow")).includes("slow-slow-1 running"),
    );
    await world.stowage("daemon stop -t 20");
    await gone(pid);
  });
  await step("whoever had asked is told", async () =>
    expectRefusal(await up, 1, 'Lost the daemon while it worked on `up` of stack "slow"'),
  );
  await step("the next one has the stack as asked for", async () => {
    expect((await world.stowage("ls")).stdout).toMatch(/slow\s+running/);
    await world.stowage("-p slow down -t 0");
  });
});

scenario(
  "a corrupt state file must be named, and cost only what it describes",
  SIMPLE,
  async (world, step) => {
    await step("two stacks are up", async () => {
      await world.stowage("-p one up -d");
      await world.stowage("-p two up -d");
    });
    await step("the daemon stops, and one container's record is overwritten", async () => {
      const [victim] = await containersOf(world, "-p one");
      await world.stowage("daemon stop");
      const id = readdirSync(join(world.rootDir, "containers")).find((name) =>
        name.startsWith(victim?.ID ?? "none"),
      );
      const files = filesOf(join(world.rootDir, "containers", id ?? ""));
      expect(files).not.toEqual([]);
      for (const name of files) writeFileSync(name, '{"cut off');
    });
    await step("the daemon starts, and the other stack is whole", async () => {
      expect(await statesOf(world, "-p two")).toEqual(["two-web-1 running"]);
    });
    await step("the broken one is named", async () => {
      const log = readFileSync(join(world.rootDir, "daemon.log"), "utf8");
      expect(log).toMatch(/record cannot be read/);
    });
    await step("up makes it anew", async () => {
      await world.stowage("-p one up -d");
      expect(await statesOf(world, "-p one")).toEqual(["one-web-1 running"]);
    });
    await step("down", async () => {
      await world.stowage("-p one down -t 1");
      await world.stowage("-p two down -t 1");
    });
    await step(
      "what was damaged is kept for a person to look at: its files, and nothing that runs",
      async () => {
        const kept = ["containers", "rootfs"].flatMap((name) =>
          readdirSync(join(world.rootDir, name)).map((id) => join(world.rootDir, name, id)),
        );
        const others = () => world.leftovers().filter((line) => !kept.includes(line.replace("file ", "")));
        await expect.poll(others, { timeout: 60_000 }).toEqual([]);
        for (const folder of kept) rmSync(folder, { recursive: true });
      },
    );
  },
);

scenario("a corrupt stack file must be named, and cost only that stack", SIMPLE, async (world, step) => {
  await step("two stacks are up", async () => {
    await world.stowage("-p one up -d");
    await world.stowage("-p two up -d");
    await world.stowage("daemon stop");
  });
  await step("one stack's file is cut off", () => {
    const found = readdirSync(join(world.rootDir, "stacks"), { recursive: true, encoding: "utf8" }).filter(
      (name) => name.includes("one") && name.endsWith(".json"),
    );
    expect(found).not.toEqual([]);
    for (const name of found) writeFileSync(join(world.rootDir, "stacks", name), '{"cut off');
  });
  await step("ls says which, and the other is fine", async () => {
    const listed = await world.stowage("ls -a");
    expect(listed.stdout + listed.stderr).toMatch(/one/);
    expect(await statesOf(world, "-p two")).toEqual(["two-web-1 running"]);
  });
  await step("up stores it anew", () => world.stowage("-p one up -d"));
  await step("down", async () => {
    await world.stowage("-p one down -t 1");
    await world.stowage("-p two down -t 1");
  });
});

scenario(
  "a full disk must be said, and cost nothing that was there",
  { files: "test/e2e/faults/simple" },
  async (world, step) => {
    mkdirSync(world.rootDir, { recursive: true });
    const mounted = await world.command("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", world.rootDir]);
    expect(mounted.code, mounted.stderr).toBe(0);
    world.onEnd(() => world.command("umount", ["-l", world.rootDir]));
    await step("a small image fits", () => world.loadImages(["busybox"]));
    await step("a stack runs", () => world.stowage("up -d"));
    await step("a large image does not fit, which is said", async () =>
      expectRefusal(
        await world.attempt(`image load -i ${imageArchive("debian")}`),
        1,
        /no space|disk is full|ENOSPC/i,
      ),
    );
    await step("nothing of it is listed or kept", async () => {
      expect((await world.stowage("image ls")).stdout).not.toContain("debian");
      expect(await world.command("df", ["--output=pcent", world.rootDir])).toMatchObject({
        stdout: expect.stringMatching(/ [1-6]?\d%/),
      });
    });
    await step("the disk is filled to the last byte", async () => {
      await world.command("dd", ["if=/dev/zero", `of=${world.rootDir}/filler`, "bs=64k"]);
    });
    await step("what runs goes on, and commands say what is wrong", async () => {
      expect(await statesOf(world)).toEqual(["stack-web-1 running"]);
      expectRefusal(await world.attempt("-p another up -d"), 1, /no space|disk is full|ENOSPC/i);
    });
    await step("with room again, all works", async () => {
      await world.command("rm", [`${world.rootDir}/filler`]);
      await world.stowage("-p another up -d");
      await world.stowage("-p another down -t 1");
      await world.stowage("down -t 1");
    });
  },
);

scenario("without root the reason must be said", { files: "test/e2e/faults/simple" }, async (world, step) => {
  const copy = join(world.dir, "installed");
  for (const name of ["bin", "dist", "package.json"])
    cpSync(join(CHECKOUT, name), join(copy, name), { recursive: true });
  chmodSync(world.dir, 0o755);
  const asNobody = (args: readonly string[]) =>
    world.command(
      "setpriv",
      ["--reuid=65534", "--regid=65534", "--clear-groups", "node", join(copy, "bin/stowage"), ...args],
      {
        env: {
          HOME: "/nonexistent",
          STOWAGE_ROOT: "/var/lib/stowage-nobody",
          STOWAGE_RUN: "/run/stowage-nobody",
        },
      },
    );
  await step("up", async () => expectRefusal(await asNobody(["up", "-d"]), 1, /root/));
  await step("config needs no root", async () => expect((await asNobody(["config", "-q"])).code).toBe(0));
  await step("doctor names it and ends with 1", async () =>
    expectRefusal(await asNobody(["doctor"]), 1, /root/),
  );
});

function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".json"))
    .map((entry) => join(folder, entry.name));
}
