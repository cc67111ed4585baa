import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DoctorContext, Finding } from "../../src/cli/doctor/check.ts";
import { checkOciRuntime } from "../../src/cli/doctor/programs.ts";

let folder: string;
const path = process.env["PATH"];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stowage-doctor-"));
  process.env["PATH"] = folder;
});
afterEach(() => {
  process.env["PATH"] = path;
  rmSync(folder, { recursive: true });
});

function program(name: string, version: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} version ${version}"\n`, { mode: 0o755 });
}

async function finding(): Promise<Finding | undefined> {
  const installer = { command: (...names: readonly string[]) => `install ${names.join(" ")}` };
  const context = { installer, paths: { runDir: folder } } as unknown as DoctorContext;
  return (await checkOciRuntime(context))[0];
}

describe("the OCI runtime", () => {
  it("is warned of when it is a runc with known holes, and crun is the way out", async () => {
    program("runc", "1.1.5");
    const found = await finding();
    expect(found).toMatchObject({ status: "warning", found: "runc 1.1.5", fix: "install crun" });
    expect(found?.problem).toContain("CVE-2024-45310");
  });

  it("is not warned of while crun is there, which is used", async () => {
    program("runc", "1.1.5");
    program("crun", "1.8.1");
    expect(await finding()).toMatchObject({ status: "ok", found: "crun 1.8.1, runc 1.1.5" });
  });

  it("is warned of when the daemon has found that crun does not work here", async () => {
    program("runc", "1.1.5");
    program("crun", "1.8.1");
    writeFileSync(join(folder, "oci-runtime.json"), JSON.stringify({ tag: "/usr/sbin/runc@1", refused: [] }));
    expect(await finding()).toMatchObject({ status: "warning", fix: "install runc" });
  });
});
