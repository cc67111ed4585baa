import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { findProgram } from "../../src/runtime/engine/oci/oci-runtime.ts";
import { BUSYBOX, TestEngine } from "../support/test-engine.ts";

const engines: TestEngine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.destroy();
});

async function open(): Promise<TestEngine> {
  const engine = new TestEngine("oci-runtime");
  engines.push(engine);
  await engine.prepare();
  return engine;
}

it("crun is used where it is installed, on a machine with cgroups of both versions too", async () => {
  const expected = (await findProgram("crun")) === undefined ? "runc" : "crun";
  for (const { runtime } of await Promise.all([open(), open()])) {
    expect((await runtime.info()).ociRuntime).toBe(expected);
    const { id } = await runtime.containers.create({ image: BUSYBOX, command: ["true"] });
    await runtime.containers.start(id);
    expect((await runtime.containers.wait(id)).exitCode).toBe(0);
  }
});

it("containers are their OCI runtime's own as long as they run, whatever works meanwhile", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stowage-programs-"));
  const path = process.env["PATH"];
  writeFileSync(join(folder, "crun"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  process.env["PATH"] = `${folder}:${path}`;
  try {
    const engine = await open();
    expect((await engine.runtime.info()).ociRuntime).toBe("runc");
    const { id } = await engine.runtime.containers.create({ image: BUSYBOX, command: ["sleep", "1000"] });
    await engine.runtime.containers.start(id);
    await engine.close();
    process.env["PATH"] = path;
    const { containers, info } = await engine.open();
    expect((await info()).ociRuntime).toBe("runc");
    const execId = await containers.createExec(id, { command: ["true"], attachStdout: true });
    const session = await containers.startExec(execId);
    for await (const _ of session?.output ?? []);
    expect((await containers.inspectExec(execId)).exitCode).toBe(0);
  } finally {
    process.env["PATH"] = path;
    rmSync(folder, { recursive: true });
  }
});
