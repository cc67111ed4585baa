import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { freePort } from "../support/free-port.ts";
import { runCli } from "./support.ts";

let folder = "";
let address = "";
let daemon: ChildProcess | undefined;

const FILES: Readonly<Record<string, string>> = {
  "compose.yaml": "services: {top: {image: top, build: .}}\n",
  "far/compose.yaml": `
name: far
services:
  far: {image: "far:\${TAG:-none}", env_file: far.env, volumes: ["./data:/d"]}
`,
  "far/.env": "TAG=of-the-repository\n",
  "far/far.env": "FROM=repository\n",
  "far/base.yaml": "services: {base: {image: base, extends: {file: ../compose.yaml, service: top}}}\n",
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stowage-remote-"));
  const work = join(folder, "work");
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(work, name)), { recursive: true });
    writeFileSync(join(work, name), text);
  }
  mkdirSync(join(work, "link"));
  symlinkSync("/etc/passwd", join(work, "link/compose.yaml"));
  mkdirSync(join(folder, "project"));
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=n", "-c", "user.email=n@example.com", ...args], { cwd: work });
  git("init", "--quiet", "-b", "main");
  git("add", "-A");
  git("commit", "--quiet", "-m", "files");
  git("tag", "v1");
  // Another branch whose name ends in the same word, and comes first.
  git("checkout", "--quiet", "-b", "a/main");
  writeFileSync(join(work, "compose.yaml"), "services: {other: {image: other}}\n");
  git("commit", "--quiet", "-a", "-m", "elsewhere");
  address = await serve(folder);
});

afterAll(() => {
  daemon?.kill();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(base: string): Promise<string> {
  const port = await freePort();
  const program = join(execFileSync("git", ["--exec-path"], { encoding: "utf8" }).trim(), "git-daemon");
  const args = [`--base-path=${base}`, "--export-all", "--reuseaddr", "--listen=127.0.0.1", `--port=${port}`];
  daemon = spawn(program, args, { stdio: "ignore" });
  await vi.waitFor(async () => expect(await answers(port)).toBe(true), { timeout: 60_000 });
  return `git://127.0.0.1:${port}/work/.git`;
}

function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      done(true);
    });
    socket.on("error", () => done(false));
  });
}

/** `config` in the project's folder, whose Compose file holds the text. */
async function config(text: string, args: readonly string[] = [], env: Record<string, string> = {}) {
  const cwd = join(folder, "project");
  writeFileSync(join(cwd, "compose.yaml"), text);
  const XDG_CACHE_HOME = join(folder, "cache");
  const ended = await runCli([...args, "config", "--format", "json"], {
    cwd,
    env: { HOME: "/root", XDG_CACHE_HOME, ...env },
  });
  return { ...ended, stack: ended.code === 0 ? JSON.parse(ended.stdout) : undefined };
}

/** The only one: `v1` and `main` are the same commit. */
const checkout = () => {
  const cache = join(folder, "cache/stowage/git");
  expect(readdirSync(cache)).toHaveLength(1);
  return join(cache, readdirSync(cache)[0] ?? "");
};

describe("a Compose file in a git repository", () => {
  it("is read by -f, with paths in the checkout and variables of this folder", async () => {
    const { stack } = await config("", ["-f", `${address}#v1:far`]);
    expect(stack).toMatchObject({
      name: "far",
      services: {
        far: {
          image: "far:none",
          environment: { FROM: "repository" },
          volumes: [{ source: join(checkout(), "far/data") }],
        },
      },
    });
  });

  it("is included, with its own defaults, and the project keeps its name", async () => {
    const { stack } = await config(`include: ["${address}#main:far"]\nservices: {me: {image: m}}\n`);
    expect(stack).toMatchObject({
      name: "project",
      services: { far: { image: "far:of-the-repository" }, me: { image: "m" } },
    });
  });

  it("is extended, and what it extends there", async () => {
    const { stack } = await config(
      `services: {me: {extends: {file: "${address}#main:far/base.yaml", service: base}}}\n`,
    );
    expect(stack.services.me).toMatchObject({ image: "base", build: { context: checkout() } });
  });

  it.each([
    ["a ref that is not there", "#nope", {}, /no branch or tag "nope"/],
    ["a folder outside", "#main:../..", {}, /no folder "\.\.\/\.\."/],
    ["a link out of the repository", "#main:link", {}, /no compose\.yaml in "link"/],
    ["a ref that is an option", "#--upload-pack=touch", {}, /is no name of a branch/],
    ["the switch of docker compose", "", { COMPOSE_EXPERIMENTAL_GIT_REMOTE: "0" }, /switches it off/],
  ])("is refused at its place for %s", async (_why, fragment, env, reason) => {
    const { code, stderr } = await config(
      `services:\n  me:\n    extends: {file: "${address}${fragment}", service: top}\n`,
      [],
      env,
    );
    expect(code).toBe(15);
    expect(stderr).toMatch(/^compose\.yaml:3:21: error: The file git:/);
    expect(stderr).toMatch(reason);
  });

  it("is no web page", async () => {
    expect((await config("", ["-f", "https://127.0.0.1/x.yaml"])).stderr).toContain(
      "no address of a repository",
    );
  });
});
