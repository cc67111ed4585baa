import { mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { runCli } from "./support.ts";

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "stw-cli-"));
  writeFileSync(join(dir, "compose.yaml"), "services: {web: {image: busybox, command: sleep 1}}\n");
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("the command line", () => {
  it("lists every command in its help, on stdout", async () => {
    const { code, stdout } = await runCli(["--help"]);
    expect(code).toBe(0);
    for (const [name, entry] of Object.entries(COMMANDS)) {
      if (entry.isHidden !== true) expect(stdout).toMatch(new RegExp(`^  ${name}\\s`, "m"));
    }
  });

  it("prints its help on stderr and ends with 16 when no command is given", async () => {
    const { code, stdout, stderr } = await runCli([]);
    expect({ code, stdout }).toEqual({ code: 16, stdout: "" });
    expect(stderr).toContain("Usage: stowage");
  });

  it("names the command that was probably meant", async () => {
    expect(await runCli(["dwon"])).toEqual({
      code: 16,
      stdout: "",
      stderr: 'stowage: Unknown command "dwon" for "stowage"\n  did you mean `stowage down`?\n',
    });
  });

  it("refuses options that it does not know", async () => {
    const { code, stderr } = await runCli(["ps", "--frob"]);
    expect(code).toBe(16);
    expect(stderr).toMatch(/Unknown option '--frob'/);
  });

  it("has help for every command", async () => {
    for (const name of Object.keys(COMMANDS)) {
      if (name === "__complete") continue;
      const { code, stdout } = await runCli([name, "--help"]);
      expect({ name, code }).toEqual({ name, code: 0 });
      expect(stdout).toMatch(/^Usage: stowage /);
    }
  });

  it.each([
    [["--build", "--no-build"], "--build and --no-build are incompatible"],
    [["--force-recreate", "--no-recreate"], "--force-recreate and --no-recreate are incompatible"],
    [["-V", "--no-recreate"], "--renew-anon-volumes and --no-recreate are incompatible"],
    [["-d", "--abort-on-container-exit"], "--detach cannot be combined"],
    [["--wait", "--exit-code-from", "web"], "--wait cannot be combined"],
    [["--attach", "web", "--attach-dependencies"], "--attach and --attach-dependencies are incompatible"],
  ])("refuses up %s", async (flags, message) => {
    const { code, stderr } = await runCli(["--runtime", "memory", "up", ...flags], { cwd: dir });
    expect(code).toBe(16);
    expect(stderr).toContain(message);
  });

  it("takes --flag=false for a flag that is not given", async () => {
    const { code } = await runCli(["--runtime", "memory", "ps", "--all=false", "--orphans=true"], {
      cwd: dir,
    });
    expect(code).toBe(0);
  });

  it("says that a folder has no Compose file, with exit code 15", async () => {
    const { code, stdout, stderr } = await runCli(["--runtime", "memory", "up", "-d"], { cwd: "/" });
    expect({ code, stdout }).toEqual({ code: 15, stdout: "" });
    expect(stderr).toMatch(/No Compose file/);
  });

  it("prints the plan and changes nothing with --dry-run", async () => {
    const { code, stdout, stderr } = await runCli(["--runtime", "memory", "up", "--dry-run", "-d"], {
      cwd: dir,
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/container\/stw-cli-\S+-web-1:create/);
    expect(stderr).toBe("");
  });

  it("ends plan --detailed-exitcode with 2 when there is something to do", async () => {
    const { code, stdout } = await runCli(["--runtime", "memory", "plan", "--detailed-exitcode", "--json"], {
      cwd: dir,
    });
    expect(code).toBe(2);
    expect(JSON.parse(stdout).steps.length).toBeGreaterThan(0);
  });

  it("takes a project's .env at its word about the command, unless the environment differs", async () => {
    writeFileSync(join(dir, ".env"), "COMPOSE_IGNORE_ORPHANS=1\nCOMPOSE_REMOVE_ORPHANS=true\n");
    const both = await runCli(["--runtime", "memory", "up", "-d", "--dry-run"], { cwd: dir });
    expect(both).toMatchObject({ code: 16, stderr: expect.stringContaining("COMPOSE_IGNORE_ORPHANS") });
    const env = { COMPOSE_IGNORE_ORPHANS: "0" };
    expect((await runCli(["--runtime", "memory", "up", "-d", "--dry-run"], { cwd: dir, env })).code).toBe(0);
    writeFileSync(join(dir, ".env"), "");
  });

  it("says that the engine needs root", async () => {
    const env = { STOWAGE_ROOT: join(dir, "root"), STOWAGE_RUN: join(dir, "run") };
    const { code, stderr } = await runCli(["ps"], { cwd: dir, uid: 1000, env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/it needs root\n {2}run it with sudo/);
  });

  it("ends daemon status with 1 when there is none", async () => {
    const env = { STOWAGE_ROOT: join(dir, "root"), STOWAGE_RUN: join(dir, "run") };
    const { code, stdout } = await runCli(["daemon", "status", "--json"], { env });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ running: false, state: "missing" });
  });

  it("completes commands, options and services", async () => {
    const complete = async (...words: readonly string[]) =>
      (await runCli(["__complete", ...words], { cwd: dir })).stdout
        .split("\n")
        .map((line) => line.split("\t")[0]);
    expect(await complete("")).toContain("up");
    expect(await complete("up", "--")).toContain("--detach");
    expect(await complete("logs", "")).toContain("web");
    expect(await complete("--progress", "")).toEqual(["auto", "tty", "plain", "json", "quiet", ""]);
  });
});
