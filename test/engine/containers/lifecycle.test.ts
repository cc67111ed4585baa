import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContainerRuntime, ContainerSpec, RuntimeEvent } from "../../../src/runtime/index.ts";
import { busyboxTar } from "../../support/busybox-image.ts";
import { stream, tarOf } from "../../support/image-bench.ts";
import { BUSYBOX, TestEngine } from "../../support/test-engine.ts";
import { until } from "../../support/until.ts";

const engine = new TestEngine("life");
let runtime: ContainerRuntime;

beforeAll(async () => {
  runtime = await engine.prepare();
});
afterAll(() => engine.destroy());

async function run(script: string, spec: Partial<ContainerSpec> = {}): Promise<string> {
  const { containers } = runtime;
  const { id } = await containers.create({
    image: BUSYBOX,
    command: ["sh", "-c", script],
    networkMode: "none",
    ...spec,
  });
  await containers.start(id);
  return id;
}
/**
 * A container runs a moment before its program does: what comes before that finds the OCI runtime's own process, and a
 * signal before the shell has set its trap is lost.
 */
const ready = (id: string) =>
  until(async () => {
    for await (const { data } of runtime.containers.logs(id))
      if (String(Buffer.from(data)).includes("ready")) return true;
    return false;
  }, "the program");
const state = async (id: string) => (await runtime.containers.inspect(id)).state;

/** Actions of one container's events from now on. */
function watching(id: string) {
  const seen: RuntimeEvent[] = [];
  const end = new AbortController();
  const events = runtime.events({ filters: { type: ["container"], container: [id] } }, end.signal);
  void (async () => {
    for await (const event of events) seen.push(event);
  })();
  return { seen, actions: () => seen.map(({ action }) => action), end: () => end.abort() };
}

describe("stop", () => {
  it("lets a program that heeds SIGTERM end, and tells it in order", async () => {
    const id = await run("trap 'exit 0' TERM; echo ready; while true; do sleep 0.05; done");
    await ready(id);
    const events = watching(id);
    await runtime.containers.stop(id);
    await until(() => events.actions().includes("stop"));
    expect(events.actions()).toEqual(["kill", "die", "stop"]);
    expect(events.seen[0]?.attributes["signal"]).toBe("15");
    expect(await state(id)).toMatchObject({ exitCode: 0 });
    events.end();
  });

  it("kills what does not heed it", async () => {
    const id = await run("echo ready; exec sleep 1000");
    await ready(id);
    const events = watching(id);
    await runtime.containers.stop(id, { timeoutSeconds: 0 });
    await until(() => events.actions().includes("stop"));
    expect(events.actions()).toEqual(["kill", "kill", "die", "stop"]);
    expect(events.seen[1]?.attributes["signal"]).toBe("9");
    events.end();
  });

  it("wakes a paused container so that it can heed", async () => {
    const id = await run("echo ready; exec sleep 1000", { init: true });
    await ready(id);
    await runtime.containers.pause(id);
    const events = watching(id);
    await runtime.containers.stop(id);
    await until(() => events.actions().includes("stop"));
    expect(events.actions()).toEqual(["kill", "unpause", "die", "stop"]);
    expect(await state(id)).toMatchObject({ status: "exited", exitCode: 143 });
    events.end();
  });

  it("by an init passes the signal on", async () => {
    const id = await run("echo ready; exec sleep 1000", { init: true, stopSignal: "SIGUSR1" });
    await ready(id);
    await runtime.containers.stop(id);
    expect(await state(id)).toMatchObject({ exitCode: 138 });
  });

  it("waits also when it is told to wait for longer than a timer can", async () => {
    const id = await run("trap 'sleep 0.5; exit 4' TERM; echo ready; while true; do sleep 0.05; done");
    await ready(id);
    await runtime.containers.stop(id, { timeoutSeconds: 3_000_000 });
    expect(await state(id)).toMatchObject({ exitCode: 4 });
  });

  it("is one stop, however many ask for it", async () => {
    const ends = "until test -e /go; do sleep 0.05; done; exit 4";
    const id = await run(`trap '${ends}' TERM; echo ready; while true; do sleep 0.05; done`);
    await ready(id);
    const events = watching(id);
    const stops = [1, 2, 3].map(() => runtime.containers.stop(id, { timeoutSeconds: 60 }));
    await until(() => events.actions().length === 3);
    writeFileSync(`/proc/${(await state(id)).pid}/root/go`, "");
    expect(await Promise.all(stops)).toEqual([true, true, true]);
    expect(await state(id)).toMatchObject({ exitCode: 4 });
    events.end();
  });
});

describe("a signal sent by hand", () => {
  const always = { restartPolicy: { name: "always" } } as const;
  const catches = "trap 'exit 3' TERM USR1 HUP; echo ready; while true; do sleep 0.05; done";
  const restarts = async (id: string) => (await runtime.containers.inspect(id)).restartCount;

  it("that asks for the end is the end, whatever the policy", async () => {
    const id = await run(catches, always);
    await ready(id);
    await runtime.containers.kill(id, "TERM");
    await runtime.containers.wait(id);
    expect(await state(id)).toMatchObject({ status: "exited", wasStoppedManually: true });
  });

  it("that only ended it by chance leaves the policy armed", async () => {
    const id = await run(catches, always);
    // The trap may not be set yet: then HUP is ignored by a first process.
    await until(async () => {
      await runtime.containers.kill(id, "HUP").catch(() => {});
      return (await restarts(id)) > 0;
    });
    expect((await state(id)).wasStoppedManually).toBe(false);
  });

  it("is measured by the declared stop signal", async () => {
    const id = await run(catches, { ...always, stopSignal: "SIGUSR1" });
    await until(async () => {
      await runtime.containers.kill(id, "TERM").catch(() => {});
      return (await restarts(id)) > 0;
    });
    await until(async () => {
      const { status } = await state(id);
      if (status === "running") await runtime.containers.kill(id, "USR1").catch(() => {});
      return status === "exited";
    });
  });

  it("waits for an exec that is on its way in, and is answered when the container has ended", async () => {
    const { containers } = runtime;
    const id = await run("exec sleep 1000");
    for (let round = 0; round < 7; round++) {
      await containers.start(id);
      const execId = await containers.createExec(id, { command: ["sleep", "1000"], attachStderr: true });
      const session = await containers.startExec(execId);
      // Another moment of its way each time.
      await sleep(round * 6);
      await containers.kill(id);
      expect((await state(id)).status).toBe("exited");
      for await (const { data } of session?.output ?? []) expect(Buffer.from(data).toString()).toBe("");
      expect((await containers.inspectExec(execId)).exitCode).toBe(137);
    }
  });

  it("that no kernel knows is refused", async () => {
    const id = await run("sleep 1000");
    await expect(runtime.containers.kill(id, "NOSUCH")).rejects.toThrow(
      `cannot kill container: ${id}: invalid signal: NOSUCH`,
    );
  });
});

describe("an end", () => {
  it("for want of memory is told as such, of a child too", async () => {
    const hungry = "x=a; while true; do x=$x$x; done";
    const resources = { memoryBytes: 16 << 20, memorySwapBytes: 16 << 20 };
    const main = await run(hungry, { resources });
    await runtime.containers.wait(main);
    expect(await state(main)).toMatchObject({ exitCode: 137, oomKilled: true });
    const child = await run(`sh -c '${hungry}'; exit 0`, { resources });
    await runtime.containers.wait(child);
    expect(await state(child)).toMatchObject({ exitCode: 0, oomKilled: true });
    await runtime.containers.start(child);
    expect((await state(child)).oomKilled).toBe(false);
  });

  it.each([
    ["no-such-program", 127],
    ["/bin", 126],
    ["/etc/passwd", 126],
    ["/no/such/program", 127],
  ])("before the beginning: %s gives %i", async (program, exitCode) => {
    const { containers } = runtime;
    const { id } = await containers.create({ image: BUSYBOX, command: [program], networkMode: "none" });
    await expect(containers.start(id)).rejects.toMatchObject({ kind: "invalid", exitCode });
    expect(await state(id)).toMatchObject({ status: "created", exitCode });
    const again = await containers.create({
      image: BUSYBOX,
      command: [program],
      networkMode: "none",
      restartPolicy: { name: "always" },
    });
    await expect(containers.start(again.id)).rejects.toMatchObject({ exitCode });
    expect((await containers.inspect(again.id)).restartCount).toBe(0);
  });

  it("removes the container before who waited for that hears of it", async () => {
    const { containers } = runtime;
    for (let n = 0; n < 5; n++) {
      const { id } = await containers.create({
        image: BUSYBOX,
        command: ["sh", "-c", `exit ${n}`],
        networkMode: "none",
        autoRemove: true,
      });
      let armed = () => {};
      const isArmed = new Promise<void>((resolve) => {
        armed = resolve;
      });
      const waiting = containers.wait(id, { condition: "removed", onArmed: armed });
      await isArmed;
      await containers.start(id);
      expect((await waiting).exitCode).toBe(n);
      await expect(containers.inspect(id)).rejects.toMatchObject({ kind: "not-found" });
    }
  });
});

describe("waiting between two runs", () => {
  it("shows as restarting, counts as running, and grows", async () => {
    const id = await run("exit 7", { restartPolicy: { name: "always" } });
    // The sixth wait takes 3.2 s: time to look at it.
    await until(async () => (await runtime.containers.inspect(id)).restartCount === 6);
    expect(await state(id)).toMatchObject({ pid: 0, exitCode: 7 });
    expect(await runtime.containers.start(id)).toBe(false);
    await expect(runtime.containers.remove(id)).rejects.toThrow("container is restarting");
    const events = watching(id);
    await runtime.containers.stop(id);
    expect(await state(id)).toMatchObject({ status: "exited", exitCode: 7, wasStoppedManually: true });
    await runtime.containers.start(id);
    expect((await runtime.containers.inspect(id)).restartCount).toBeLessThan(6);
    await runtime.containers.remove(id, { force: true });
    events.end();
  });

  it("ends for who waits when the next run cannot begin", async () => {
    const { containers } = runtime;
    const source = mkdtempSync(join(engine.rootDir, "gone-"));
    const id = await run("exit 7", {
      restartPolicy: { name: "always" },
      mounts: [{ type: "bind", source, target: "/gone", createHostPath: false }],
    });
    // The sixth wait takes 3.2 s: time to take it away.
    await until(async () => (await containers.inspect(id)).restartCount === 6);
    // Behind the settling of the sixth end, which is told of only then.
    await containers.update(id, { restartPolicy: { name: "always" } });
    const waiting = containers.wait(id);
    rmSync(source, { recursive: true });
    expect((await waiting).exitCode).toBeGreaterThan(0);
    expect(await state(id)).toMatchObject({ status: "exited" });
    await containers.remove(id);
  });

  it("goes on after a stop with a signal that is none", async () => {
    const id = await run("sleep 1000", { restartPolicy: { name: "always" } });
    await expect(runtime.containers.stop(id, { signal: "BOGUS" })).rejects.toMatchObject({ kind: "invalid" });
    expect(await state(id)).toMatchObject({ status: "running", wasStoppedManually: false });
    await runtime.containers.remove(id, { force: true });
  });
});

describe("a health check", () => {
  const health = async (id: string) => (await state(id)).health;

  it("sees output, exit code and folder, and is unhealthy while stopped", async () => {
    const id = await run("sleep 1000", {
      workingDir: "/tmp",
      healthcheck: { test: ["CMD-SHELL", "pwd; exit 0"], intervalMs: 500 },
    });
    await until(async () => (await health(id))?.status === "healthy");
    expect((await health(id))?.log[0]).toMatchObject({ exitCode: 0, output: "/tmp\n" });
    await runtime.containers.stop(id, { timeoutSeconds: 0 });
    expect((await health(id))?.status).toBe("unhealthy");
    await runtime.containers.start(id);
    expect(await health(id)).toMatchObject({ status: "starting", failingStreak: 0 });
  });

  it("that takes too long is killed and counts as failed", async () => {
    const id = await run("sleep 1000", {
      healthcheck: { test: ["CMD", "sleep", "60"], intervalMs: 100, timeoutMs: 300, retries: 1 },
    });
    await until(async () => (await health(id))?.status === "unhealthy");
    const [result] = (await health(id))?.log ?? [];
    expect(result).toMatchObject({ exitCode: -1 });
    expect(result?.output).toContain("Health check exceeded timeout (300ms)");
    const { processes } = await runtime.containers.top(id);
    expect(processes.filter((columns) => columns.join(" ").includes("sleep 60")).length).toBeLessThan(2);
  });

  it("whose children hold its output is over in time, and holds up no other container's", async () => {
    const test = ["CMD-SHELL", "echo out; sleep 1000; true"];
    const late = () =>
      run("sleep 1000", { healthcheck: { test, intervalMs: 100, timeoutMs: 1000, retries: 1 } });
    const waiting = () => run("sleep 1000", { healthcheck: { test, intervalMs: 100, timeoutMs: 1_000_000 } });
    // As many as may begin at once, and more.
    const ids = [await late(), await late(), await late(), await waiting(), await waiting()];
    for (const id of ids.slice(0, 3)) {
      await until(async () => (await health(id))?.status === "unhealthy", "unhealthy");
      const output = "Health check exceeded timeout (1s): out\n";
      expect((await health(id))?.log[0]).toMatchObject({ exitCode: -1, output });
    }
    const other = await run("sleep 1000", { healthcheck: { test: ["CMD", "true"], intervalMs: 100 } });
    await until(async () => (await health(other))?.status === "healthy", "healthy");
    for (const id of [...ids, other]) await runtime.containers.remove(id, { force: true });
  });

  it("may leave a child behind that holds its output", async () => {
    const test = ["CMD-SHELL", "sleep 1000 & echo out"];
    const id = await run("sleep 1000", { healthcheck: { test, intervalMs: 100, timeoutMs: 100_000 } });
    await until(async () => (await health(id))?.status === "healthy");
    expect((await health(id))?.log[0]).toMatchObject({ exitCode: 0, output: "out\n" });
    await runtime.containers.remove(id, { force: true });
  });

  it("that a pause ends begins anew afterwards", async () => {
    const id = await run("sleep 1000", {
      healthcheck: {
        test: ["CMD-SHELL", "test -e /go || sleep 1000; true"],
        intervalMs: 100,
        timeoutMs: 3000,
      },
    });
    const begun = async () =>
      (await runtime.containers.top(id)).processes.some((columns) => columns.join(" ").includes("/go"));
    await until(begun, "the probe");
    await runtime.containers.pause(id);
    await runtime.containers.unpause(id);
    const execId = await runtime.containers.createExec(id, { command: ["touch", "/go"] });
    await runtime.containers.startExec(execId, { detach: true });
    await until(async () => (await health(id))?.status === "healthy", "healthy");
    await runtime.containers.remove(id, { force: true });
  });

  it("does not count within the start period", async () => {
    const id = await run("sleep 1000", {
      healthcheck: {
        test: ["CMD", "false"],
        intervalMs: 50,
        startPeriodMs: 60_000,
        startIntervalMs: 50,
        retries: 1,
      },
    });
    await until(async () => ((await health(id))?.log.length ?? 0) >= 3);
    expect(await health(id)).toMatchObject({ status: "starting", failingStreak: 0 });
  });

  it("goes on after a signal that does not end the container", async () => {
    const id = await run("trap '' HUP; sleep 1000", {
      healthcheck: { test: ["CMD", "true"], intervalMs: 50 },
    });
    await until(async () => (await health(id))?.status === "healthy");
    await runtime.containers.kill(id, "HUP");
    const seen = (await health(id))?.log.at(-1)?.startedAt.getTime() ?? 0;
    await until(async () => ((await health(id))?.log.at(-1)?.startedAt.getTime() ?? 0) > seen);
  });
});

describe("a running container", () => {
  it("is measured until it is removed, and whoever reads that is told at once", async () => {
    const id = await run("sleep 1000");
    const samples = runtime.containers.stats(id)[Symbol.asyncIterator]();
    await samples.next();
    const isOver = samples.next().then(({ done }) => done);
    await runtime.containers.remove(id, { force: true });
    expect(await Promise.race([isOver, sleep(0, "not yet")])).toBe(true);
  });

  it("is measured, listed, and its limits changed", async () => {
    const { containers } = runtime;
    const id = await run("echo ready; exec sleep 1000", { resources: { memoryBytes: 64 << 20 } });
    await ready(id);
    for await (const stats of containers.stats(id, { stream: false, oneShot: true })) {
      expect(stats.pids).toBe(1);
      expect(stats.memory.limitBytes).toBe(64 << 20);
      expect(stats.cpu.totalNs).toBeGreaterThan(0);
    }
    await containers.update(id, { resources: { memoryBytes: 32 << 20, memorySwapBytes: 64 << 20 } });
    for await (const stats of containers.stats(id, { stream: false, oneShot: true }))
      expect(stats.memory.limitBytes).toBe(32 << 20);
    expect((await containers.inspect(id)).spec.resources?.memoryBytes).toBe(32 << 20);
    const { titles, processes } = await containers.top(id);
    expect(titles).toContain("PID");
    expect(processes).toHaveLength(1);
    await containers.update(id, { restartPolicy: { name: "always" } });
    process.kill((await state(id)).pid, "SIGKILL");
    await until(async () => (await containers.inspect(id)).restartCount === 1);
  });

  it("many at once come and go without a trace", async () => {
    const { containers } = runtime;
    const ids = await Promise.all(
      Array.from({ length: 20 }, () => run("sleep 1000", { networkMode: "bridge" })),
    );
    const names = new Set(
      (await Promise.all(ids.map((id) => containers.inspect(id)))).map(({ name }) => name),
    );
    expect(names.size).toBe(20);
    await Promise.all(ids.map((id) => containers.remove(id, { force: true })));
    expect(await engine.leaked((line) => ids.some((id) => line.includes(id)))).toEqual([]);
  });
});

describe("create", () => {
  it("keeps its image and those it mounts, whoever prunes meanwhile", async () => {
    const { containers, images } = runtime;
    const filters = { dangling: ["false"], label: ["own"] };
    for (const [round, how] of ["image", "mount", "mount", "mount", "mount"].entries()) {
      await images.import(busyboxTar(), { reference: "own:1", changes: ["LABEL own=yes"] });
      let isDone = false;
      const creating = containers
        .create({
          image: how === "image" ? "own:1" : BUSYBOX,
          command: ["true"],
          networkMode: "none",
          mounts: [{ type: "image", source: how === "mount" ? "own:1" : BUSYBOX, target: "/img" }],
        })
        // A mount's image may be gone before it is looked for, and that is said.
        .catch((error) => {
          if (how === "image" || !String(error).includes("No such image: own:1")) throw error;
        })
        .finally(() => {
          isDone = true;
        });
      // Each a little later, so that one comes between two looks.
      await sleep(round);
      while (!isDone) await images.prune(filters);
      const created = await creating;
      if (created === undefined) continue;
      await containers.start(created.id);
      await containers.remove(created.id, { force: true });
      await images.prune(filters);
    }
  });
});

describe("remove", () => {
  it("of the last container of an image that was removed by force frees its layers", async () => {
    const { containers, images } = runtime;
    const bytes = async () => (await runtime.diskUsage()).layersBytes;
    const before = await bytes();
    await images.import(stream(tarOf([{ name: "f", data: "x".repeat(1000) }])), { reference: "forced:1" });
    const create = () => containers.create({ image: "forced:1", command: ["/f"] });
    const made = [await create(), await create()];
    await images.remove("forced:1", { force: true });
    const left: number[] = [];
    for (const { id } of made) {
      await containers.remove(id);
      left.push((await bytes()) - before);
    }
    expect(left).toEqual([1000, 0]);
  });
});
