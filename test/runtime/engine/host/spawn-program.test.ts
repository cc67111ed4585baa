import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadSpawn, type Program, spawnProgram } from "../../../../src/runtime/engine/host/index.ts";

const dir = realpathSync(mkdtempSync(join(tmpdir(), "stowage-spawn-")));
const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };

beforeAll(loadSpawn);
afterAll(() => rmSync(dir, { recursive: true }));

function closed(program: Program): Promise<readonly [number | null, NodeJS.Signals | null]> {
  return new Promise((resolve, reject) => {
    program.once("close", (code, signal) => resolve([code, signal]));
    program.once("error", reject);
  });
}

async function outputOf(program: Program, name: "stdout" | "stderr" = "stdout"): Promise<string> {
  const stream = program[name];
  return stream === null ? "" : text(stream);
}

function shell(script: string, options: Partial<Parameters<typeof spawnProgram>[2]> = {}): Program {
  return spawnProgram("sh", ["-c", script], { stdio: ["pipe", "pipe", "pipe"], env, ...options });
}

const TWO_PROGRAMS = `
import { loadSpawn, spawnProgram } from "../../../../src/runtime/engine/host/index.ts";
await loadSpawn();
const start = (number: number) => {
  const program = spawnProgram("sleep", ["0.2"], { stdio: ["ignore", "ignore", "ignore"], env: { PATH: "/usr/bin:/bin" } });
  program.once("exit", () => {
    console.log(number + " ended");
    if (number === 1) start(2);
  });
};
start(1);
`;

describe("a program of ours", () => {
  it("reads what we write, and its outputs and exit code are ours", async () => {
    const program = shell("cat; echo oops >&2; exit 3");
    program.stdin?.end("given");
    const all = [outputOf(program), outputOf(program, "stderr"), closed(program)];
    expect(await Promise.all(all)).toEqual(["given", "oops\n", [3, null]]);
  });

  it("finds each descriptor where it was put, whatever its number here, and no other", async () => {
    const folder = openSync(dir, "r");
    mkdirSync(join(dir, "inside"));
    const program = shell("ls /proc/self/fd/4/; readlink /proc/self/fd/3; ls /proc/self/fd", {
      stdio: ["ignore", "pipe", "ignore", folder, folder],
    });
    const lists = execFileSync("ls", ["/proc/self/fd"], {
      stdio: ["ignore", "pipe", "ignore", folder, folder],
    });
    expect(await outputOf(program)).toBe(`inside\n${dir}\n${lists}`);
    closeSync(folder);
  });

  it("can open its own output by name, which is a pipe", async () => {
    const program = shell("echo by name > /dev/stdout; stat -Lc %F /dev/stderr > /dev/stderr");
    expect(await Promise.all([outputOf(program), outputOf(program, "stderr")])).toEqual([
      "by name\n",
      "fifo\n",
    ]);
  });

  it("has the environment, folder and session that it is given, and no signal ignored", async () => {
    const script = "echo $ONLY $PWD $(grep SigIgn /proc/self/status) $(($(ps -o sid= -p $$) == $$))";
    const program = shell(script, { env: { ...env, ONLY: "this" }, cwd: dir, detached: true });
    expect(await outputOf(program)).toBe(`this ${dir} SigIgn: 0000000000000000 1\n`);
  });

  it("is ended by a signal, ours or of whoever cancels", async () => {
    const program = shell("exec sleep 1000");
    expect(program.kill("SIGKILL")).toBe(true);
    expect(await closed(program)).toEqual([null, "SIGKILL"]);
    expect(program.kill()).toBe(false);
    const cancel = new AbortController();
    const cancelled = shell("exec sleep 1000", { signal: cancel.signal });
    const isOver = new Promise((resolve) => cancelled.once("exit", (...outcome) => resolve(outcome)));
    const failed = expect(closed(cancelled)).rejects.toMatchObject({ name: "AbortError" });
    cancel.abort();
    await failed;
    expect(await isOver).toEqual([null, "SIGTERM"]);
  });

  it("that cannot be started says so as with Node's own", async () => {
    const missing = spawnProgram("no-such-program", [], { stdio: ["ignore", "pipe", "pipe"], env });
    await expect(closed(missing)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("that finds no descriptor free says so, too", async () => {
    const limit = (files: string) =>
      execFileSync("prlimit", ["--pid", String(process.pid), `--nofile=${files}:`]);
    const before = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? "1024";
    limit("200");
    const taken: number[] = [];
    try {
      expect(() => {
        for (;;) taken.push(openSync("/dev/null", "r"));
      }).toThrow("EMFILE");
      const program = shell("true");
      await expect(closed(program)).rejects.toMatchObject({ code: "EMFILE" });
      expect([program.stdin, program.stdout, program.stderr, program.stdio[3]]).toEqual([
        null,
        null,
        null,
        null,
      ]);
    } finally {
      for (const fd of taken) closeSync(fd);
      limit(before);
    }
  });

  it("keeps the process alive as long as it lives, and no longer, also one that was started at another's end", async () => {
    // In a process of its own: the test's has timers that come and go.
    const path = join(dir, "two.mjs");
    await build({
      stdin: { contents: TWO_PROGRAMS, resolveDir: import.meta.dirname, loader: "ts" },
      bundle: true,
      format: "esm",
      platform: "node",
      external: ["koffi", "node-unix-socket"],
      outfile: path,
      logLevel: "error",
    });
    symlinkSync(join(process.cwd(), "node_modules"), join(dir, "node_modules"));
    const options = { encoding: "utf8", timeout: 60_000, killSignal: "SIGKILL" } as const;
    expect(execFileSync(process.execPath, [path], options)).toBe("1 ended\n2 ended\n");
  }, 90_000);

  it("is waited for: a hundred at once leave no zombie", async () => {
    const ended = Array.from({ length: 100 }, (_, index) => closed(shell(`exit ${index}`)));
    expect((await Promise.all(ended)).map(([code]) => code)).toEqual(ended.map((_, index) => index));
    const children = execFileSync("ps", ["-o", "stat=", "--ppid", String(process.pid)], { encoding: "utf8" });
    expect(children).not.toContain("Z");
  });
});
