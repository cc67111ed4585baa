import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pack } from "tar-stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DaemonClient, daemonPaths } from "../../src/daemon/client.ts";
import { runDaemon } from "../../src/daemon/index.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { ContainerRuntime } from "../../src/runtime/index.ts";
import { openMemoryRuntime } from "../../src/runtime/memory/index.ts";
import type { Stack } from "../../src/spec/index.ts";

let dir: string;
const running: { readonly end: AbortController; readonly ended: Promise<void> }[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "stw-d-"));
});

afterEach(async () => {
  for (const { end } of running) end.abort();
  await Promise.allSettled(running.map(({ ended }) => ended));
  running.length = 0;
  await rm(dir, { recursive: true, force: true });
});

function pathsOf(root = "root", run = "run") {
  return daemonPaths({ STOWAGE_ROOT: join(dir, root), STOWAGE_RUN: join(dir, run) }, 0);
}

/** Resolves when the daemon answers; rejects with what keeps it from starting. */
async function start(
  paths = pathsOf(),
  runtime: ContainerRuntime = openMemoryRuntime(),
): Promise<DaemonClient> {
  const archive = pack();
  archive.entry({ name: "bin/sh" }, "sh");
  archive.finalize();
  await runtime.images.import(Readable.from(archive), { reference: "busybox:latest" });
  const end = new AbortController();
  let onReady: () => void = () => {};
  const ready = new Promise<void>((resolve) => {
    onReady = resolve;
  });
  const ended = runDaemon({
    paths,
    version: "1.2.3",
    log: silentLog,
    signal: end.signal,
    openRuntime: async () => runtime,
    onReady,
  });
  running.push({ end, ended });
  await Promise.race([ready, ended]);
  return new DaemonClient(paths.socketPath);
}

function stack(name: string, services: Stack["services"]): Stack {
  return {
    name,
    services,
    networks: {},
    volumes: {},
    configs: {},
    secrets: {},
    models: {},
    workingDir: "/",
    configFiles: [],
    envFiles: [],
    profiles: [],
    disabled: {},
  };
}

const web = { image: "busybox", command: ["sleep", "1000"], network_mode: "none" } as const;
/** Never healthy, and what waits for it to be. */
const sick = { ...web, healthcheck: { test: ["CMD", "false"], interval: "1s", retries: 1000 } };
const waits = {
  ...web,
  depends_on: { sick: { condition: "service_healthy", required: true } },
} as const;

describe("the daemon", () => {
  it("tells who it is", async () => {
    const client = await start();
    expect(await client.status()).toMatchObject({
      pid: process.pid,
      version: "1.2.3",
      rootDir: join(dir, "root"),
      stacks: [],
    });
  });

  it("lets no second one have its data root, and says who has it", async () => {
    await start();
    await expect(start(pathsOf("root", "other"))).rejects.toThrow(
      new RegExp(`data root ${dir}/root is in use by the daemon with pid ${process.pid}`),
    );
  });

  it("lets no second one serve from its run folder", async () => {
    await start();
    await expect(start(pathsOf("other", "run"))).rejects.toThrow(/run folder .* is in use/);
  });

  it("replaces a socket that nobody answers, and takes its own away at the end", async () => {
    const paths = pathsOf();
    mkdirSync(paths.runDir, { recursive: true });
    writeFileSync(paths.socketPath, "");
    const client = await start(paths);
    await client.stop();
    await running[0]?.ended;
    expect(existsSync(paths.socketPath)).toBe(false);
  });

  it("carries a request out, tells its progress, and remembers the stack", async () => {
    const client = await start();
    const words: string[] = [];
    const report = await client.ask(
      { stackName: "shop", stack: stack("shop", { web }), request: { do: "up" } },
      { onEvent: (event) => event.kind === "object" && words.push(`${event.name} ${event.word}`) },
    );
    expect(report.outcome).toBe("done");
    expect(words).toContain("shop-web-1 Started");
    expect((await client.list()).map(({ name, revision }) => `${name} ${revision}`)).toEqual(["shop 1"]);
  });

  it("reads none of the files that a stack names: env files, Compose files, configs and secrets", async () => {
    // Whoever opened this would wait for ever.
    const pipe = join(dir, "pipe");
    execFileSync("mkfifo", [pipe]);
    const runtime = openMemoryRuntime();
    const client = await start(pathsOf(), runtime);
    // The machine of a runtime in memory has the path too, then.
    await runtime.containers.create({
      image: "busybox",
      command: ["true"],
      mounts: [{ type: "bind", source: pipe, target: "/made" }],
    });
    const service = {
      ...web,
      env_file: [{ path: pipe, required: true }],
      configs: [{ source: "c", target: "/c" }],
      secrets: [{ source: "s", target: "/s" }],
    };
    const report = await client.ask({
      stackName: "shop",
      stack: {
        ...stack("shop", { web: service }),
        configs: { c: { name: "c", file: pipe } },
        secrets: { s: { name: "s", file: pipe } },
        configFiles: [pipe],
        envFiles: [pipe],
      },
      request: { do: "up" },
    });
    expect(report.outcome).toBe("done");
    const { spec } = await runtime.containers.inspect("shop-web-1");
    expect(spec.env ?? []).toEqual([]);
  });

  it("plans without changing anything", async () => {
    const client = await start();
    const plan = await client.plan({
      stackName: "shop",
      stack: stack("shop", { web }),
      request: { do: "up" },
    });
    expect(plan.steps.map(({ id }) => id)).toContain("container/shop-web-1:start");
    expect(await client.list()).toEqual([]);
  });

  it("stores nothing of a request that is refused", async () => {
    const client = await start();
    const missing = { ...web, image: "nowhere", pull_policy: "never" };
    const report = await client.ask({
      stackName: "shop",
      stack: stack("shop", { web: missing }),
      request: { do: "up" },
    });
    expect(report.outcome).toBe("refused");
    expect(await client.get("shop")).toBeUndefined();
  });

  it("forgets a stack that was taken down", async () => {
    const client = await start();
    await client.ask({ stackName: "shop", stack: stack("shop", { web }), request: { do: "up" } });
    await client.ask({ stackName: "shop", request: { do: "down", timeoutSeconds: 0 } });
    expect(await client.list()).toEqual([]);
  });

  it("does not do again what had finished and was taken away by rm", async () => {
    const client = await start();
    const job = { ...web, command: ["true"] };
    await client.ask({ stackName: "shop", stack: stack("shop", { web, job }), request: { do: "up" } });
    await client.ask({ stackName: "shop", request: { do: "rm", services: ["job", "web"] } });
    const held = (await client.get("shop"))?.desired?.services;
    expect(held).toEqual({ web: { state: "running" } });
  });

  it("holds after a restart what was asked of it before", async () => {
    const runtime = openMemoryRuntime();
    const first = await start(pathsOf(), runtime);
    await first.ask({ stackName: "shop", stack: stack("shop", { web }), request: { do: "up" } });
    await first.stop();
    await running[0]?.ended;
    running.length = 0;
    const second = await start(pathsOf(), openMemoryRuntime());
    await expect.poll(async () => (await second.get("shop"))?.status?.lastReport?.outcome).toBe("done");
  });

  it("takes back what its client cancels: the stack is held as before, or not at all", async () => {
    const client = await start();
    const cancelled = async (services: Stack["services"]) => {
      const interrupt = new AbortController();
      const asked = client.ask(
        { stackName: "shop", request: { do: "up" }, stack: stack("shop", services) },
        {
          signal: interrupt.signal,
          onEvent: (event) => {
            if (event.kind === "object" && event.word === "Waiting") interrupt.abort();
          },
        },
      );
      await expect(asked).rejects.toThrow();
    };
    await cancelled({ waits, sick });
    await expect.poll(() => client.get("shop")).toBeUndefined();

    await client.ask({ stackName: "shop", request: { do: "up" }, stack: stack("shop", { web }) });
    await cancelled({ web, waits, sick });
    await expect
      .poll(async () => Object.keys((await client.get("shop"))?.desired?.stack.services ?? {}))
      .toEqual(["web"]);
  });

  it("ends while it works on a request, which is told so and carried on by the next one", async () => {
    const client = await start();
    let asked: readonly Promise<unknown>[] = [];
    await new Promise<void>((resolve) => {
      const services = { waits, sick };
      const up = client.ask(
        { stackName: "shop", request: { do: "up" }, stack: stack("shop", services) },
        { onEvent: (event) => event.kind === "object" && event.word === "Waiting" && resolve() },
      );
      asked = [up, client.ask({ stackName: "shop", request: { do: "stop" } })];
    });
    const told = Promise.allSettled(asked);
    await client.stop();
    await running[0]?.ended;
    expect(await told).toMatchObject([
      { reason: { kind: "unavailable", message: expect.stringContaining("worked on `up` of stack") } },
      { reason: { kind: "unavailable", message: expect.stringContaining("worked on `stop` of stack") } },
    ]);
    running.length = 0;
    const next = await start(pathsOf(), openMemoryRuntime());
    expect((await next.get("shop"))?.desired?.services).toMatchObject({ waits: { state: "running" } });
  });

  it("queues requests for one stack, and says behind what", async () => {
    const client = await start();
    const queued: string[] = [];
    const ask = { stackName: "shop", stack: stack("shop", { web }), request: { do: "up" } } as const;
    const listener = {
      onEvent: (event: { readonly kind: string; readonly behind?: string }) => {
        if (event.kind === "queued") queued.push(event.behind ?? "");
      },
    };
    const reports = await Promise.all([client.ask(ask, listener), client.ask(ask, listener)]);
    expect(reports.map(({ outcome }) => outcome).sort()).toEqual(["done", "unchanged"]);
    expect(queued).toEqual(["up"]);
  });

  it("answers a request for a stack that it does not know with not-found", async () => {
    const client = await start();
    await expect(client.ask({ stackName: "nope", request: { do: "stop" } })).rejects.toMatchObject({
      kind: "not-found",
    });
  });
});
