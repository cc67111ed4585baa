import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
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
    const { info } = await engine.open();
    expect((await info()).ociRuntime).toBe("runc");
    expect(await exec(engine, id, ["true"])).toBe(0);
  } finally {
    process.env["PATH"] = path;
    rmSync(folder, { recursive: true });
  }
});

it.each(["crun", "runc"] as const)(
  "%s starts from a copy that no container can write to, until there is another",
  async (name) => {
    const installed = await findProgram(name);
    if (installed === undefined) throw new Error(`${name} is not installed`);
    const folder = mkdtempSync(join(tmpdir(), "stowage-programs-"));
    const path = process.env["PATH"];
    if (name === "runc") writeFileSync(join(folder, "crun"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    copyFileSync(installed, join(folder, name));
    process.env["PATH"] = `${folder}:${path}`;
    try {
      const engine = await open();
      const { containers } = engine.runtime;
      const { id } = await containers.create({ image: BUSYBOX, command: ["sleep", "1000"] });
      await containers.start(id);
      const execId = await containers.createExec(id, { command: ["cat"], attachStdin: true });
      const session = await containers.startExec(execId);
      await expect.poll(async () => (await containers.inspectExec(execId)).pid).toBeGreaterThan(0);
      const { pid } = await containers.inspectExec(execId);
      const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      expect(readFileSync(`/proc/${parent}/comm`, "utf8")).toBe(`${name}\n`);
      expect(readlinkSync(`/proc/${parent}/exe`)).toBe(`/memfd:${name} (deleted)`);
      expect(() => writeFileSync(`/proc/${parent}/exe`, "x")).toThrow(/EPERM|ETXTBSY/);
      await session?.end();

      const marker = join(folder, "marker");
      writeFileSync(join(folder, "next"), `#!/bin/sh\n>${marker}\nexec ${installed} "$@"\n`, { mode: 0o755 });
      expect(await exec(engine, id, ["true"])).toBe(0);
      expect(existsSync(marker)).toBe(false);
      renameSync(join(folder, "next"), join(folder, name));
      expect(await exec(engine, id, ["true"])).toBe(0);
      expect(existsSync(marker)).toBe(true);
    } finally {
      process.env["PATH"] = path;
      rmSync(folder, { recursive: true });
    }
  },
);

async function exec(
  { runtime }: TestEngine,
  id: string,
  command: readonly string[],
): Promise<number | undefined> {
  const execId = await runtime.containers.createExec(id, { command, attachStdout: true });
  const session = await runtime.containers.startExec(execId);
  for await (const _ of session?.output ?? []);
  return (await runtime.containers.inspectExec(execId)).exitCode;
}
