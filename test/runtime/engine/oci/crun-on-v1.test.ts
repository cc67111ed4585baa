import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { forCrunOnV1, writeIoWeights } from "../../../../src/runtime/engine/oci/crun-on-v1.ts";
import type { OciConfig } from "../../../../src/runtime/engine/oci/types.ts";

const CONFIG: OciConfig = {
  ociVersion: "1.0.2",
  process: {
    user: { uid: 0, gid: 0 },
    args: ["true"],
    env: [],
    cwd: "/",
    capabilities: { bounding: [], effective: [], permitted: [] },
  },
  root: { path: "rootfs" },
  mounts: [],
  linux: {
    resources: {
      pids: { limit: 5 },
      blockIO: {
        weight: 300,
        weightDevice: [{ major: 8, minor: 0, weight: 200 }],
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }],
      },
    },
    cgroupsPath: "/x",
    namespaces: [],
  },
};

it("a configuration for crun on cgroups of version 1 leaves out the weights alone", () => {
  expect(forCrunOnV1(CONFIG).linux).toEqual({
    ...CONFIG.linux,
    resources: { pids: { limit: 5 }, blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }] } },
  });
});

describe("shares of the disks' time", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "stowage-weights-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const weights = { weight: 300, weightDevice: [{ major: 8, minor: 0, weight: 200 }] };
  const written = (name: string) => readFileSync(join(folder, name), "utf8");

  it.each([
    ["the oldest names", "blkio.weight", "blkio.weight"],
    ["those of the scheduler that has them today", "blkio.bfq.weight", "blkio.bfq.weight"],
  ])("are written under %s", (_, present, name) => {
    writeFileSync(join(folder, present), "500");
    writeIoWeights(folder, weights);
    expect([written(name), written(`${name}_device`)]).toEqual(["300", "8:0 200"]);
  });
});
