import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "./support.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "stowage-hostile-"));
});
afterAll(() => {
  rmSync(dir, { recursive: true });
});

/** Sets the clipboard, the title, goes back over the line, an 8-bit CSI, right to left. */
const HOSTILE = "\u001b]52;c;ZXZpbA==\u0007\u001b]0;title\u0007\rover\u009b2J\u202egnp.exe";
const inYaml = JSON.stringify(HOSTILE).replace("\u009b", "\\u009b").replace("\u202e", "\\u202e");
/** What a terminal obeys, but for colours. */
const OBEYED = /(?![\t\n])[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

const compose = (text: string) => writeFileSync(join(dir, "compose.yaml"), text);
const run = (...args: string[]) => runCli(["--runtime", "memory", ...args], { cwd: dir });

describe("text of others that a terminal would obey", () => {
  it.each([
    ["a key nobody knows", `services: { web: { image: a, ${inYaml}: 1 } }`],
    ["a service's name", `services: { ${inYaml}: { image: a } }`],
    ["a file that is missing", `services: { web: { image: a, env_file: ${inYaml} } }`],
    ["a variable's message", `services: { web: { image: "\${A:?${inYaml.slice(1, -1)}}" } }`],
  ])("is shown, in %s", async (_where, text) => {
    compose(text);
    const { code, stdout, stderr } = await run("config", "--quiet");
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/\^\[\]52;c;/);
    expect(stdout + stderr).not.toMatch(OBEYED);
  });

  it("is shown in plans and errors of an engine", async () => {
    compose(`services: { web: { image: "a", labels: { l: ${inYaml} }, container_name: ok } }`);
    expect((await run("plan")).stdout).not.toMatch(OBEYED);
    expect((await run("explain", "services.web.labels")).stdout).not.toMatch(OBEYED);
    compose(`services: { web: { image: ${inYaml} } }`);
    for (const command of [["plan"], ["up", "-d"], ["pull"]]) {
      const { stdout, stderr } = await run(...command);
      expect(stdout + stderr).not.toMatch(OBEYED);
    }
    const { code, stderr } = await run("container", "inspect", HOSTILE);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/\^\[\]52;c;/);
    expect(stderr).not.toMatch(OBEYED);
  });

  it("stays as it is in data", async () => {
    compose(`services: { web: { image: a, labels: { l: ${inYaml} } } }`);
    const { stdout } = await run("config", "--format", "json");
    expect(JSON.parse(stdout).services.web.labels.l).toBe(HOSTILE);
  });
});

describe("a file that a stack names", () => {
  it.each([
    ["that never ends", "/dev/zero", /is larger than 32 MiB/],
    ["that is larger than memory", "huge", /is larger than 32 MiB/],
    ["that is a pipe nobody writes to", "pipe", /is a pipe that nobody writes to/],
    ["that is a folder", "/", /is a directory/],
  ])("%s is refused at its place", async (_what, file, complaint) => {
    execFileSync("sh", ["-c", "rm -f huge pipe; : > huge; mkfifo pipe"], { cwd: dir });
    truncateSync(join(dir, "huge"), 10 * 2 ** 30);
    compose(`services: { web: { image: a, env_file: ${file} } }`);
    const { code, stderr } = await run("config", "--quiet");
    expect(code).toBe(15);
    expect(stderr).toMatch(complaint);
    expect(stderr).toContain("compose.yaml:1:");
    rmSync(join(dir, "huge"));
  });

  it("may be a pipe that somebody writes to, or an empty device", async () => {
    execFileSync("sh", ["-c", "rm -f pipe; mkfifo pipe; (echo A=from a pipe > pipe) >/dev/null 2>&1 &"], {
      cwd: dir,
    });
    compose("services: { web: { image: a, env_file: [pipe, /dev/null] } }");
    const { stdout } = await run("config", "--format", "json");
    expect(JSON.parse(stdout).services.web.environment).toEqual({ A: "from a pipe" });
  });

  it.each(["/dev/zero", "pipe"])("is refused as a profile when it is %s", async (file) => {
    execFileSync("sh", ["-c", "rm -f pipe; mkfifo pipe"], { cwd: dir });
    compose(`services: { web: { image: a, security_opt: ["seccomp:${file}"] } }`);
    const { code, stderr } = await run("up", "-d");
    expect(code).toBe(1);
    expect(stderr).toMatch(/it is no file/);
  });

  it("is not waited for where only the stack's name is wanted", async () => {
    execFileSync("sh", ["-c", "rm -f .env; mkfifo .env"], { cwd: dir });
    compose("name: known\nservices: { web: { image: a } }");
    const { stdout, stderr } = await run("ps", "--quiet");
    expect(stdout).toBe("");
    expect(stderr).toMatch(/\.env is a pipe that nobody writes to|cannot be read: it is a pipe/);
    rmSync(join(dir, ".env"));
  });
});
