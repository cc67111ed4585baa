import { spawnSync } from "node:child_process";
import { chmodSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { diskLayout } from "../../src/runtime/engine/disk-layout.ts";
import type { ContainerRuntime } from "../../src/runtime/index.ts";
import { BUSYBOX, TestEngine } from "../support/test-engine.ts";

const NOBODY = 65_534;

describe("files of containers", () => {
  const engine = new TestEngine("private");
  const layout = diskLayout(engine.rootDir, engine.runDir);
  let runtime: ContainerRuntime;
  let id: string;

  beforeAll(async () => {
    runtime = await engine.prepare();
    const script = "cp /bin/busybox /sh && chmod 4755 /sh && cp -p /sh /v/sh && sleep 1000";
    await runtime.volumes.create({ name: "v" });
    ({ id } = await runtime.containers.create({
      image: BUSYBOX,
      command: ["sh", "-c", script],
      mounts: [{ type: "volume", source: "v", target: "/v" }],
    }));
  }, 60_000);
  afterAll(() => engine.destroy());

  it("that root in one has marked setuid are out of other users' reach, also where the folders were open", async () => {
    await engine.close();
    const { mountsDir, volumesDir } = layout;
    // All above it may be passed through by anybody.
    for (const dir of [engine.rootDir, engine.runDir, dirname(engine.rootDir)]) chmodSync(dir, 0o755);
    for (const dir of [mountsDir, volumesDir]) chmodSync(dir, 0o755);
    runtime = await engine.open();
    await runtime.containers.start(id);
    const paths = [`${layout.mountPoint(id)}/sh`, `${volumesDir}/v/_data/sh`];
    for (const path of paths) {
      await expect.poll(() => statSync(path, { throwIfNoEntry: false })?.mode).toBe(0o104755);
      const { error } = spawnSync(path, ["id", "-u"], { uid: NOBODY, gid: NOBODY, argv0: "busybox" });
      expect(error).toMatchObject({ code: "EACCES" });
    }
  });
});
