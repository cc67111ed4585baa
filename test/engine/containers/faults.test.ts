import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { diskLayout } from "../../../src/runtime/engine/disk-layout.ts";
import { openEngine } from "../../../src/runtime/engine/index.ts";
import { busyboxTar } from "../../support/busybox-image.ts";
import { BUSYBOX, TestEngine } from "../../support/test-engine.ts";

const undo: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const action of undo.splice(0).reverse()) await action();
});

/** Programs of ours before the machine's own. */
function withPrograms(scripts: Readonly<Record<string, string>>): void {
  const folder = mkdtempSync(join(tmpdir(), "stowage-programs-"));
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const path = process.env["PATH"];
  process.env["PATH"] = `${folder}:${path}`;
  undo.push(() => {
    process.env["PATH"] = path;
    rmSync(folder, { recursive: true });
  });
}

async function prepared(name: string): Promise<TestEngine> {
  const engine = new TestEngine(name);
  undo.push(() => engine.destroy());
  await engine.prepare();
  return engine;
}

const spec = { image: BUSYBOX, command: ["sleep", "1000"] };
/** Whichever OCI runtime the engine chooses, this stands before it, and is asked to make a container. */
const inTheWay = (fault: string) =>
  Object.fromEntries(
    ["runc", "crun"].map((name) => {
      const real = execFileSync("sh", ["-c", `command -v ${name} || true`], { encoding: "utf8" }).trim();
      const create = `case "$*" in *probe*) ;; *" create "*) ${fault};; esac`;
      return [name, real === "" ? "exit 1" : `${create}; exec ${real} "$@"`];
    }),
  );

describe("a start that fails half-way", () => {
  it.each([
    ["the OCI runtime refuses", inTheWay("echo 'nothing works today' >&2; exit 1")],
    ["the OCI runtime dies", inTheWay("kill -9 $$")],
    ["the monitor dies at once", { conmon: "kill -9 $$" }],
    ["the monitor says nothing", { conmon: "exit 0" }],
  ])("because %s: says so, leaves nothing, and works when the fault is gone", async (_, programs) => {
    const engine = await prepared("faults");
    await engine.close();
    withPrograms(programs);
    let runtime = await engine.open();
    const { id } = await runtime.containers.create({ ...spec, networkMode: "bridge" });
    await expect(runtime.containers.start(id)).rejects.toMatchObject({ name: "RuntimeError" });
    const { state } = await runtime.containers.inspect(id);
    expect(state).toMatchObject({ status: "created", exitCode: 128 });
    expect(state.error).not.toBe("");
    expect(await engine.leaked((line) => line.includes(id) && !line.includes("/root/"))).toEqual([]);
    await engine.close();
    await undo.pop()?.();
    runtime = await engine.open();
    await runtime.containers.start(id);
    expect((await runtime.containers.inspect(id)).state.status).toBe("running");
  });
});

describe("a start whose network fails while the container is made in it", () => {
  it("says why, and leaves nothing", async () => {
    const engine = await prepared("faults");
    const { containers } = engine.runtime;
    const driverOptions = { "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.no_such=1" };
    const { id } = await containers.create({
      ...spec,
      networkMode: "bridge",
      networks: { bridge: { driverOptions } },
    });
    await expect(containers.start(id)).rejects.toThrow("no_such");
    expect((await containers.inspect(id)).state).toMatchObject({ status: "created", exitCode: 128, pid: 0 });
    expect(await engine.leaked((line) => line.includes(id) && !line.includes("/root/"))).toEqual([]);
  });
});

describe("a machine that lacks something", () => {
  it("space: refuses with a clear error, harms nothing, and goes on when there is space again", async () => {
    const base = mkdtempSync(join(tmpdir(), "stowage-full-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", base]);
    const root = join(base, "root");
    const runtime = await openEngine({
      rootDir: root,
      runDir: join(tmpdir(), `${base.split("/").pop()}-run`),
    });
    undo.push(async () => {
      for (const { id } of await runtime.containers.list({ all: true }))
        await runtime.containers.remove(id, { force: true });
      await runtime.close();
      execFileSync("umount", ["-l", base]);
      rmSync(base, { recursive: true });
      rmSync(`${base}-run`, { recursive: true, force: true });
    });
    const { containers, images } = runtime;
    await images.import(busyboxTar(), { reference: BUSYBOX });
    const { id } = await containers.create(spec);
    await containers.start(id);
    const filler = join(base, "filler");
    try {
      execFileSync("sh", ["-c", `cat /dev/zero > ${filler} 2>/dev/null || true`]);
      await expect(containers.create(spec)).rejects.toMatchObject({
        name: "RuntimeError",
        kind: "exhausted",
      });
      await containers.stop(id, { timeoutSeconds: 0 });
      expect((await containers.inspect(id)).state).toMatchObject({ status: "exited", exitCode: 137 });
      await expect(containers.start(id)).rejects.toMatchObject({ name: "RuntimeError" });
    } finally {
      rmSync(filler);
    }
    expect(await containers.list({ all: true })).toHaveLength(1);
    await containers.start(id);
    expect((await containers.inspect(id)).state.status).toBe("running");
  });

  it("root: says so", async () => {
    const own = process.getuid;
    process.getuid = () => 1000;
    try {
      await expect(
        openEngine({ rootDir: "/tmp/stowage-none", runDir: "/tmp/stowage-none-run" }),
      ).rejects.toMatchObject({
        kind: "forbidden",
        message: expect.stringContaining("needs root"),
      });
    } finally {
      if (own !== undefined) process.getuid = own;
    }
  });
});

describe("a prune that meets something it cannot remove", () => {
  it("removes the rest, tells what, and finds that one again when it can", async () => {
    const { runtime, rootDir, runDir } = await prepared("prune");
    const { containers, networks, volumes } = runtime;
    const layout = diskLayout(rootDir, runDir);
    const ids = [(await containers.create(spec)).id, (await containers.create(spec)).id];
    const stuckVolume = await volumes.create({ name: "a" });
    await volumes.create({ name: "b" });
    const stuckNetwork = await networks.create({ name: "a" });
    await networks.create({ name: "b" });
    const free = [
      mountedOverItself(layout.containerDir(ids[0] ?? "")),
      mountedOverItself(stuckVolume.mountpoint),
      mountedOverItself(stuckVolume.mountpoint),
      mountedOverItself(join(layout.networksDir, stuckNetwork.id)),
    ];
    expect((await containers.prune()).removed).toEqual([ids[1]]);
    expect((await volumes.prune({ all: ["1"] })).removed).toEqual(["b"]);
    expect((await networks.prune()).removed).toEqual(["b"]);
    for (const unmount of free) unmount();
    expect((await containers.prune()).removed).toEqual([ids[0]]);
    expect((await volumes.prune({ all: ["1"] })).removed).toEqual(["a"]);
  });
});

/** Such a folder is not removed or renamed. Returns what ends that. */
function mountedOverItself(folder: string): () => void {
  execFileSync("mount", ["--bind", folder, folder]);
  const unmount = () => void spawnSync("umount", ["-l", folder], { stdio: "ignore" });
  undo.push(unmount);
  return unmount;
}

describe("two engines on one machine", () => {
  it("see and touch nothing of each other's", async () => {
    const one = await prepared("one");
    const other = await prepared("other");
    const { id } = await one.runtime.containers.create({ ...spec, networkMode: "bridge" }, { name: "same" });
    const { id: second } = await other.runtime.containers.create(
      { ...spec, networkMode: "bridge" },
      { name: "same" },
    );
    await Promise.all([one.runtime.containers.start(id), other.runtime.containers.start(second)]);
    expect((await one.runtime.containers.list()).map((found) => found.id)).toEqual([id]);
    const before = await one.runtime.containers.inspect(id);
    await other.close();
    await other.open();
    await other.runtime.containers.remove(second, { force: true });
    expect((await one.runtime.containers.inspect(id)).state).toEqual(before.state);
    expect((await one.runtime.containers.inspect(id)).endpoints).toEqual(before.endpoints);
  });
});
