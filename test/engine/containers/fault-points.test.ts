import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openEngine } from "../../../src/runtime/engine/index.ts";
import { EngineProcess } from "../../support/engine-process.ts";
import type { Fault } from "../../support/fault-points.ts";
import { tarOf } from "../../support/image-bench.ts";
import { isOfContainers } from "../../support/leaks.ts";
import { type FakeServer, openFakeServer } from "../../support/registry-bench.ts";
import { BUSYBOX, TestEngine } from "../../support/test-engine.ts";

/** Points of the whole life that are tried, spread evenly; `all` tries each. */
const POINTS = process.env["STOWAGE_FAULT_POINTS"] ?? "6";

const engine = new TestEngine("points");
let registry: FakeServer;
let reference = "";
let effects = 0;

beforeAll(async () => {
  registry = await serveImage();
  reference = `${registry.host}/app:1`;
  await engine.prepare();
  await engine.close();
  const { process, failures } = await live({ kind: "kill", at: 0 });
  expect(failures).toEqual([]);
  effects = await process.call<number>("faults", "count");
  await process.kill();
  await settled("kill");
}, 120_000);
afterAll(async () => {
  await registry.close();
  await engine.destroy();
});

describe("a daemon to which something happens at a point between two effects", () => {
  it.each(["kill", "ENOSPC"] as const)(
    "(%s) leaves a consistent store, and nothing that the next one keeps",
    async (kind) => {
      expect(effects).toBeGreaterThan(60);
      const step = POINTS === "all" ? 1 : Math.ceil(effects / Number(POINTS));
      for (let at = kind === "kill" ? 1 : 1 + Math.floor(step / 2); at <= effects; at += step) {
        const { process } = await live({ kind, at });
        await process.kill();
        expect([at, ...(await settled(kind))]).toEqual([at]);
      }
    },
    900_000,
  );
});

/** A container's whole life, and that of two images, in an engine to which a fault happens. */
async function live(fault: Fault) {
  const process = await EngineProcess.start(engine.rootDir, engine.runDir, fault);
  await process.ready();
  const failures: string[] = [];
  const attempt = (part: string, method: string, ...args: unknown[]) =>
    process.call<{ id?: string }>(part, method, ...args).catch((error: Error) => {
      failures.push(`${part}.${method}: ${error.message}`);
      return { id: undefined };
    });
  await attempt("images", "pull", reference);
  await attempt("networks", "create", { name: "net" });
  const { id = "none" } = await attempt("containers", "create", {
    image: BUSYBOX,
    command: ["sh", "-c", "echo x > /data/x; exec sleep 1000"],
    networkMode: "net",
    mounts: [{ type: "volume", target: "/data" }],
    ipcMode: "shareable",
  });
  await attempt("containers", "start", id);
  await attempt("containers", "commit", id, { reference: "committed:1" });
  await attempt("containers", "stop", id, { timeoutSeconds: 0 });
  await attempt("containers", "remove", id, { force: true, volumes: true });
  await attempt("networks", "remove", "net");
  await attempt("images", "remove", "committed:1", {});
  await attempt("images", "remove", reference, {});
  return { process, failures };
}

/** What the next engine finds wrong, or cannot bring back to how it was. */
async function settled(kind: Fault["kind"]): Promise<readonly string[]> {
  const next = await openEngine({ rootDir: engine.rootDir, runDir: engine.runDir });
  const found: string[] = (await next.checkStore()).map((problem) => `store: ${JSON.stringify(problem)}`);
  for (const { id, state } of await next.containers.list({ all: true })) {
    // What a commit froze goes on.
    if (!["created", "running", "exited"].includes(state.status)) found.push(`${id} is ${state.status}`);
    await next.containers.remove(id, { force: true, volumes: true });
  }
  // What could not be removed was said, and is there to be pruned.
  if (kind === "ENOSPC") await next.volumes.prune();
  for (const { name } of await next.volumes.list()) found.push(`volume ${name}`);
  for (const { id, repoTags } of await next.images.list())
    if (!repoTags.includes(BUSYBOX)) await next.images.remove(id, { force: true });
  await next.networks.prune();
  await next.close();
  return [...found, ...(await engine.leaked(isOfContainers))];
}

async function serveImage(): Promise<FakeServer> {
  const digestOf = (data: Buffer | string) => `sha256:${createHash("sha256").update(data).digest("hex")}`;
  const tar = tarOf([{ name: "f", data: "x".repeat(5000) }]);
  const layer = gzipSync(tar);
  const config = JSON.stringify({
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: [digestOf(tar)] },
  });
  const type = "application/vnd.oci.image";
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: `${type}.manifest.v1+json`,
    config: { mediaType: `${type}.config.v1+json`, digest: digestOf(config), size: config.length },
    layers: [{ mediaType: `${type}.layer.v1.tar+gzip`, digest: digestOf(layer), size: layer.length }],
  });
  return openFakeServer((request, response) => {
    const url = request.url ?? "";
    response.setHeader("content-type", `${type}.manifest.v1+json`);
    response.end(url.includes("/manifests/") ? manifest : url.endsWith(digestOf(config)) ? config : layer);
  });
}
