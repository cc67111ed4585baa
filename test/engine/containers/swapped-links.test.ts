import { spawn } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContainerRuntime } from "../../../src/runtime/index.ts";
import { BUSYBOX, TestEngine } from "../../support/test-engine.ts";

const engines: TestEngine[] = [];
let base = "";

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "stowage-swapped-"));
});
afterAll(async () => {
  for (const engine of engines) await engine.destroy();
  rmSync(base, { recursive: true });
});

/** An engine for which only this OCI runtime works. */
async function engineWith(oci: "crun" | "runc"): Promise<ContainerRuntime> {
  const broken = join(base, `not-${oci}`);
  mkdirSync(broken);
  const other = join(broken, oci === "runc" ? "crun" : "runc");
  writeFileSync(other, "#!/bin/sh\nexit 1\n");
  chmodSync(other, 0o755);
  const engine = new TestEngine(`swapped-${oci}`);
  engines.push(engine);
  const path = process.env["PATH"] ?? "";
  process.env["PATH"] = `${broken}${delimiter}${path}`;
  try {
    const runtime = await engine.prepare();
    expect((await runtime.info()).ociRuntime).toBe(oci);
    return runtime;
  } finally {
    process.env["PATH"] = path;
  }
}

describe("a hostile container", () => {
  it.each(["crun", "runc"] as const)(
    "gets nothing mounted and no folder made outside by swapping links in a shared volume by %s (CVE-2024-45310)",
    async (oci) => {
      const runtime = await engineWith(oci);
      const { volumes, containers } = runtime;
      /** A folder of the machine's that no container may read or change. */
      const canary = join(base, `canary-${oci}`);
      mkdirSync(canary);
      writeFileSync(join(canary, "secret"), "host only");
      const { mountpoint } = await volumes.create({ name: "shared" });
      mkdirSync(join(mountpoint, "a"));
      mkdirSync(join(mountpoint, "b"));
      symlinkSync(canary, join(mountpoint, "l"));
      const swapping = spawn("perl", ["-e", SWAP, mountpoint], { stdio: "ignore" });
      try {
        for (let n = 0; n < 15; n++) {
          const { id } = await containers.create({
            image: BUSYBOX,
            command: ["sleep", "1000"],
            networkMode: "none",
            mounts: [
              { type: "volume", source: "shared", target: "/v" },
              { type: "volume", source: "inner", target: `/v/a/deep-${n}/x` },
              { type: "tmpfs", target: `/v/a/tmp-${n}` },
            ],
          });
          const started = await containers.start(id).catch((error: Error) => error);
          if (started === true) expect(await foreignMounts(runtime, id)).toEqual([]);
          else expect(started).toMatchObject({ name: "RuntimeError" });
          await containers.remove(id, { force: true });
        }
      } finally {
        swapping.kill("SIGKILL");
      }
      expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(canary);
      expect(readdirSync(canary).sort()).toEqual(["secret"]);
      expect(readFileSync(join(canary, "secret"), "utf8")).toBe("host only");
    },
  );
});

/** renameat2 with RENAME_EXCHANGE (system call 316 on x86-64), as fast as it goes: a folder, then a link to elsewhere. */
const SWAP = `my ($v) = @ARGV; my ($a, $l) = ("$v/a", "$v/l"); while (1) { syscall(316, -100, $a, -100, $l, 2) }`;

/** Mounts in a container whose content is the canary, wherever they lie. */
async function foreignMounts(runtime: ContainerRuntime, id: string): Promise<readonly string[]> {
  const { state } = await runtime.containers.inspect(id);
  return readFileSync(`/proc/${state.pid}/mountinfo`, "utf8")
    .split("\n")
    .filter((line) => line.split(" ")[3]?.includes("canary"));
}
