import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { diskLayout } from "../../../src/runtime/engine/disk-layout.ts";
import { EngineProcess } from "../../support/engine-process.ts";
import { isOfContainers } from "../../support/leaks.ts";
import { BUSYBOX, TestEngine } from "../../support/test-engine.ts";
import { until } from "../../support/until.ts";

/** Engines with an image, whose daemon is a process that tests kill. */
const engines: TestEngine[] = [];

async function engineOnDisk(): Promise<TestEngine> {
  const engine = new TestEngine("crash");
  engines.push(engine);
  await engine.prepare();
  await engine.close();
  return engine;
}

async function daemon(engine: TestEngine): Promise<EngineProcess> {
  const process = await EngineProcess.start(engine.rootDir, engine.runDir);
  await process.ready();
  return process;
}

afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.destroy();
});

/** More of them find rarer moments. */
const TRIALS = Number(process.env["STOWAGE_CRASH_TRIALS"] ?? 12);

/** Everything that leaves something on the machine. */
async function busyWith(process: EngineProcess, n: number): Promise<void> {
  const { id } = await process.call<{ id: string }>(
    "containers",
    "create",
    spec("sleep 1000", {
      networkMode: n % 2 === 0 ? "bridge" : "none",
      mounts: [{ type: "volume", target: "/data" }],
      ipcMode: n === 1 ? "shareable" : "private",
    }),
  );
  await process.call("containers", "start", id);
  if (n === 3) await process.call("containers", "remove", id, { force: true, volumes: true });
  if (n === 2) await process.call("containers", "restart", id, { timeoutSeconds: 0 });
}

const spec = (script: string, more: object = {}) => ({
  image: BUSYBOX,
  command: ["sh", "-c", script],
  networkMode: "none",
  ...more,
});

describe("a daemon that is killed", () => {
  it("stops no container, and the next one takes them over", async () => {
    const engine = await engineOnDisk();
    const first = await daemon(engine);
    const make = async (script: string, more: object = {}) => {
      const { id } = await first.call<{ id: string }>("containers", "create", spec(script, more));
      await first.call("containers", "start", id);
      return id;
    };
    const runs = await make("while true; do sleep 1; done", { networkMode: "bridge" });
    const paused = await make("sleep 1000");
    await first.call("containers", "pause", paused);
    const ends = await make("until test -e /go; do sleep 0.05; done; exit 3");
    const created = (await first.call<{ id: string }>("containers", "create", spec("true"))).id;
    const [before, ending] = await Promise.all(
      [runs, ends].map((id) => first.call<{ state: { pid: number } }>("containers", "inspect", id)),
    );
    await first.kill();
    writeFileSync(`/proc/${ending?.state.pid}/root/go`, "");
    await until(() => existsSync(join(diskLayout(engine.rootDir, engine.runDir).exitsDir, ends)));

    const { containers } = await engine.open();
    const state = async (id: string) => (await containers.inspect(id)).state;
    expect(await state(runs)).toMatchObject({ status: "running", pid: before?.state.pid });
    expect((await containers.inspect(runs)).endpoints["bridge"]?.ipAddress).toBeDefined();
    expect(await state(paused)).toMatchObject({ status: "paused" });
    expect(await state(ends)).toMatchObject({ status: "exited", exitCode: 3 });
    expect(await state(created)).toMatchObject({ status: "created" });
    await containers.unpause(paused);
    await containers.stop(runs, { timeoutSeconds: 0 });
    expect(await state(runs)).toMatchObject({ status: "exited", exitCode: 137 });
    for (const id of [runs, paused, ends, created]) await containers.remove(id, { force: true });
    expect(await engine.leaked(isOfContainers)).toEqual([]);
  });

  it("loses no line of a log", async () => {
    const engine = await engineOnDisk();
    let process = await daemon(engine);
    const { id } = await process.call<{ id: string }>("containers", "create", spec("seq 1 300000"));
    await process.call("containers", "start", id);
    for (let kills = 0; kills < 3; kills++) {
      await process.kill();
      process = await daemon(engine);
    }
    await process.kill();
    const { containers } = await engine.open();
    await containers.wait(id);
    let next = 1;
    let rest = "";
    for await (const { data } of containers.logs(id)) {
      const lines = (rest + Buffer.from(data).toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (Number(line) !== next++) throw new Error(`line ${next - 1} is ${line}`);
    }
    expect(next).toBe(300_001);
  });

  it("in the middle of anything leaves nothing that the next one does not settle", {
    timeout: 600_000,
  }, async () => {
    const engine = await engineOnDisk();
    for (let trial = 0; trial < TRIALS; trial++) {
      const process = await daemon(engine);
      for (let n = 0; n < 4; n++) void busyWith(process, n).catch(() => {});
      // A different moment each time; the trials spread over the whole of a start.
      await sleep(15 + ((trial * 14) % 200));
      await process.kill();
      // Now and then in the middle of settling that, too.
      if (trial % 3 !== 0) continue;
      const settling = await EngineProcess.start(engine.rootDir, engine.runDir);
      await sleep(250 + ((trial * 37) % 300));
      await settling.kill();
    }
    const { containers, volumes } = await engine.open();
    const all = await containers.list({ all: true });
    for (const { state, id } of all) {
      expect(["created", "running", "exited"]).toContain(state.status);
      if (state.status === "running") await containers.stop(id, { timeoutSeconds: 0 });
      await containers.start(id);
      expect((await containers.inspect(id)).state.status).toBe("running");
    }
    for (const { id } of all) await containers.remove(id, { force: true, volumes: true });
    expect(await volumes.list()).toEqual([]);
    expect(await engine.leaked(isOfContainers)).toEqual([]);
  });

  it("brings back what its policy wants, and leaves what somebody stopped", async () => {
    const engine = await engineOnDisk();
    const first = await daemon(engine);
    const make = async (name: string, script: string, more: object = {}) => {
      const policy = { restartPolicy: { name: name.replace(/\d/, ""), maximumRetryCount: 0 }, ...more };
      const { id } = await first.call<{ id: string }>("containers", "create", spec(script, policy));
      await first.call("containers", "start", id);
      return id;
    };
    const stopped = await make("unless-stopped", "sleep 1000");
    const always = await make("always", "sleep 1000");
    for (const id of [stopped, always]) await first.call("containers", "stop", id, { timeoutSeconds: 0 });
    const running = await make("unless-stopped", "sleep 1000");
    const failing = await make("on-failure", "sleep 1000");
    const pids = await Promise.all(
      [running, failing].map((id) => first.call<{ state: { pid: number } }>("containers", "inspect", id)),
    );
    await first.kill();
    for (const { state } of pids) process.kill(state.pid, "SIGKILL");
    const { containers } = await engine.open();
    const status = async (id: string) => (await containers.inspect(id)).state.status;
    for (const id of [running, failing, always])
      await until(async () => (await status(id)) === "running", id);
    expect(await status(stopped)).toBe("exited");
  });
});

describe("what dies under a living daemon", () => {
  it("a container's process is seen, whatever killed it", async () => {
    const engine = new TestEngine("dies");
    engines.push(engine);
    const { containers } = await engine.prepare();
    const { id } = await containers.create(spec("sleep 1000"));
    await containers.start(id);
    process.kill((await containers.inspect(id)).state.pid, "SIGKILL");
    expect(await containers.wait(id)).toMatchObject({ exitCode: 137 });
  });

  it("a monitor takes its container along, with an exit code that says unknown", async () => {
    const engine = new TestEngine("monitor");
    engines.push(engine);
    const { containers } = await engine.prepare();
    const { bundleDir } = diskLayout(engine.rootDir, engine.runDir);
    const { id } = await containers.create(spec("sleep 1000"));
    await containers.start(id);
    process.kill(Number(readFileSync(join(bundleDir(id), "conmon.pid"), "utf8")), "SIGKILL");
    expect(await containers.wait(id)).toMatchObject({ exitCode: 255 });
    expect((await containers.inspect(id)).state).toMatchObject({ status: "exited", pid: 0 });
    await containers.start(id);
    await containers.remove(id, { force: true });
    expect(await engine.leaked(isOfContainers)).toEqual([]);
  });

  it("a record that cannot be read costs the others nothing", async () => {
    const engine = new TestEngine("corrupt");
    engines.push(engine);
    const { containers } = await engine.prepare();
    const { id: good } = await containers.create(spec("true"));
    const { id: bad } = await containers.create(spec("true"));
    await engine.close();
    writeFileSync(
      join(diskLayout(engine.rootDir, engine.runDir).containerDir(bad), "record.json"),
      '{"version":1',
    );
    const again = await engine.open();
    expect((await again.containers.list({ all: true })).map(({ id }) => id)).toEqual([good]);
  });
});
