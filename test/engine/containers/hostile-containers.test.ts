import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findProgram } from "../../../src/runtime/engine/oci/oci-runtime.ts";
import type { ContainerRuntime, ContainerSpec, ExecSpec } from "../../../src/runtime/index.ts";
import { BUSYBOX, TestEngine } from "../../support/test-engine.ts";

const engine = new TestEngine("attacks");
let runtime: ContainerRuntime;
/** A folder of the machine's that no container may read or change. */
let canary = "";

beforeAll(async () => {
  runtime = await engine.prepare();
  canary = mkdtempSync(join(tmpdir(), "stowage-canary-"));
  writeFileSync(join(canary, "secret"), "host only");
  writeFileSync(join(canary, "passwd"), "intruder:x:4321:4321::/:/bin/sh\n");
});
afterAll(async () => {
  await engine.destroy();
  rmSync(canary, { recursive: true });
});

async function run(script: string, spec: Partial<ContainerSpec> = {}): Promise<string> {
  const { id } = await runtime.containers.create({
    image: BUSYBOX,
    command: ["sh", "-c", script],
    networkMode: "none",
    ...spec,
  });
  await runtime.containers.start(id);
  return id;
}

const isThere = (id: string, path: string) =>
  runtime.containers.statPath(id, path).then(
    () => true,
    () => false,
  );

/** What a command in a container printed, or why there was none. */
async function answer(id: string, spec: ExecSpec): Promise<string> {
  const { containers } = runtime;
  try {
    const execId = await containers.createExec(id, { attachStdout: true, attachStderr: true, ...spec });
    const session = await containers.startExec(execId);
    let text = "";
    for await (const { data } of session?.output ?? []) text += Buffer.from(data).toString();
    return text.trim();
  } catch (error) {
    return String(error);
  }
}

const shell = (id: string, script: string) => answer(id, { command: ["sh", "-c", script] });

describe("a hostile container", () => {
  it("cannot overwrite the programs that run it (CVE-2019-5736)", async () => {
    const programs = await Promise.all(
      ["runc", "crun", "conmon", "docker-init", "tini-static", "tini"].map((name) => findProgram(name)),
    );
    const files = [...programs, process.execPath].filter((path) => path !== undefined);
    const sums = () => execFileSync("sha256sum", files, { encoding: "utf8" });
    const known = sums();
    const id = await run(
      // Whatever else appears among the processes is opened and written to, while `sh` leads back to who starts it.
      `mkdir /b; cp /bin/busybox /b; echo '#!/proc/self/exe' > /evil; chmod +x /evil
       while true; do for p in /proc/[0-9]*; do echo x >> $p/exe; done; done 2>/dev/null`,
      { init: true },
    );
    await expect.poll(() => answer(id, { command: ["/b/busybox", "ls", "/evil"] })).toBe("/evil");
    await answer(id, { command: ["/b/busybox", "cp", "-f", "/evil", "/bin/sh"] });
    await Promise.all(
      Array.from({ length: 24 }, (_, n) => answer(id, { command: [n % 2 === 0 ? "/bin/sh" : "/evil"] })),
    );
    await runtime.containers.remove(id, { force: true });
    expect(sums()).toBe(known);
  });

  it("is led nowhere by a working folder among descriptors (CVE-2024-21626)", async () => {
    const id = await run("sleep 1000");
    const climb = `cat ../../../../../../../..${canary}/secret; ls -d ../../../../../../../..${canary}`;
    const numbers = Array.from({ length: 24 }, (_, n) => n + 3);
    const answers = await Promise.all(
      numbers.map((n) => answer(id, { command: ["sh", "-c", climb], workingDir: `/proc/self/fd/${n}` })),
    );
    expect(answers.filter((text) => /host only|^\S*canary\S*$/m.test(text))).toEqual([]);
    expect(await shell(id, "ls /proc/1/fd")).toBe("0\n1\n2");
    for (const workingDir of ["/proc/self/fd/7", "/proc/self/fd/8", "/proc/self/fd/12"]) {
      const { id: other } = await runtime.containers.create({
        image: BUSYBOX,
        command: ["sh", "-c", climb],
        workingDir,
        networkMode: "none",
      });
      const outcome = await runtime.containers.start(other).catch((error: Error) => error.message);
      let text = String(outcome);
      await runtime.containers.wait(other);
      for await (const { data } of runtime.containers.logs(other)) text += Buffer.from(data).toString();
      expect(text).not.toMatch(/host only|^\S*canary\S*$/m);
    }
  });

  it.each([
    ["a link to the machine's", "ln -s ../../../../../../../../../../..$CANARY/passwd /etc/passwd"],
    ["a link to a device that never ends", "ln -s /dev/zero /etc/passwd"],
    ["a pipe that nobody writes to", "mkfifo /etc/passwd"],
    ["a folder", "mkdir /etc/passwd"],
    [
      "larger than memory",
      "truncate -s 16G /etc/passwd && echo intruder:x:4321:4321::/:/bin/sh >> /etc/passwd",
    ],
  ])("names no user by an /etc/passwd that is %s", async (_what, script) => {
    const id = await run(
      `rm /etc/passwd; ${script.replace("$CANARY", canary)}; touch /ready; exec sleep 1000`,
    );
    await expect.poll(() => isThere(id, "/ready")).toBe(true);
    const rssBefore = process.memoryUsage().rss;
    expect(await answer(id, { command: ["id", "-u"], user: "intruder" })).toMatch(
      /unable to find user intruder|is no plain file/,
    );
    expect(process.memoryUsage().rss - rssBefore).toBeLessThan(64 << 20);
    // What is no file may keep the container from starting, but nobody waiting.
    await runtime.containers.stop(id, { timeoutSeconds: 0 });
    const started = await runtime.containers.start(id).catch((error: Error) => error);
    if (started !== true) expect(started).toMatchObject({ name: "RuntimeError" });
    await runtime.containers.remove(id, { force: true });
  });
});
