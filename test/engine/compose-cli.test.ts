import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDockerRuntime } from "../../src/runtime/docker/index.ts";
import { freePort } from "../support/free-port.ts";
import { openRegistry, type Registry } from "../support/registry-bench.ts";
import { ALLOWED } from "./compose-cli/allowed.ts";
import { type Dockerd, dockerEnv, findPeers, importBusybox, startDockerd } from "./support/dockerd.ts";

// What a script written for docker compose gets from it on dockerd, it gets from stowage on its own engine: each
// line of compose-cli/*.sh is run by both at once, and its exit code and standard output are compared. People's output,
// on standard error, is each program's own. What differs on purpose is listed in allowed.ts, and only what differs.
// A script finds `compose`, a port of its side's own in $PORT, and a repository of its own in $REPOSITORY.

const SCRIPTS = join(import.meta.dirname, "compose-cli");
const STOWAGE = resolve(import.meta.dirname, "../../bin/stowage");

const dir = mkdtempSync(join(tmpdir(), "stowage-compose-cli-"));
let dockerd: Dockerd | undefined;
let registry: Registry | undefined;
let sides: readonly Side[] = [];

interface Side {
  readonly name: "compose" | "stowage";
  /** What `compose` is in the scripts. */
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
  /** dockerd's. */
  readonly socket?: string;
  readonly port: number;
}

beforeAll(async () => {
  const peers = findPeers();
  dockerd = await startDockerd(peers, "stwcmp0", "10.221");
  await importBusybox(dockerd.runtime, "busybox:latest");
  const { DOCKER_HOST: _, ...ours } = process.env;
  const env = { ...ours, STOWAGE_ROOT: join(dir, "root"), STOWAGE_RUN: join(dir, "run") };
  execFileSync(STOWAGE, ["ls"], { env, stdio: "ignore" });
  const runtime = openDockerRuntime({ host: `unix://${join(dir, "run/stowage.sock")}` });
  await importBusybox(runtime, "busybox:latest");
  await runtime.close();
  registry = await openRegistry(dir);
  sides = [
    {
      name: "compose",
      command: "docker compose",
      env: dockerEnv(peers, dockerd.socket, join(dir, "config")),
      socket: dockerd.socket,
      port: await freePort(),
    },
    { name: "stowage", command: STOWAGE, env, port: await freePort() },
  ];
}, 180_000);

afterAll(async () => {
  const stowage = sides.find(({ name }) => name === "stowage");
  if (stowage !== undefined) execFileSync(STOWAGE, ["daemon", "stop"], { env: stowage.env, stdio: "ignore" });
  await dockerd?.stop();
  await registry?.close();
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}, 180_000);

describe("a script written for docker compose gets the same from stowage", () => {
  const scripts = readdirSync(SCRIPTS).filter((name) => name.endsWith(".sh"));
  it.each(scripts.map((name) => [titleOf(name), name]))(
    "%s",
    async (_, name) => {
      const [composeSaid = [], stowageSaid = []] = await Promise.all(sides.map((side) => play(name, side)));
      const allowed = ALLOWED[name] ?? {};
      const lines = composeSaid.map(lineOf);
      const differing = composeSaid.flatMap((compose, at) => {
        const stowage = stowageSaid[at] ?? "";
        if (compose === stowage) return [];
        const line = lines[at] ?? "";
        const isAgain = lines.indexOf(line) < at;
        return [
          [isAgain ? `${line} # again` : line, { compose: answerOf(compose), stowage: answerOf(stowage) }],
        ];
      });
      const expected = Object.entries(allowed).map(([line, { compose, stowage }]) => [
        line,
        { compose, stowage },
      ]);
      expect(stowageSaid.length).toBe(composeSaid.length);
      expect(Object.fromEntries(differing)).toEqual(Object.fromEntries(expected));
    },
    950_000,
  );
});

function titleOf(name: string): string {
  return readFileSync(join(SCRIPTS, name), "utf8").split("\n")[0]?.replace(/^# /, "") ?? name;
}

// dockerd tells who waits for a container's end before it writes the end into its list, which docker compose goes by; who
// has been shown the container finds it there.
const PLAYER = `
api() { curl -s --unix-socket "$SOCKET" "$@"; }
settled() { api 'http://docker/containers/json?all=1' | grep -oP '"Id":"\\K[0-9a-f]{64}' | sed 's|.*|url = "http://docker/containers/&/json"|' | api -K -; }
compose() { [ -z "$SOCKET" ] || settled >/dev/null; timeout -k 1 300 $COMPOSE "$@"; }
use() { cp -r "$SCRIPTS/$1" . && cd "$1"; }
while IFS= read -r line <&9; do
  case $line in ''|'#'*) continue;; esac
  printf '\\036%s\\n' "$line"; set -o pipefail; eval "$line" 2>>"$NOTES" </dev/null; echo "[$?]"
done 9<"$1"
for stack in $(compose ls -aq); do compose -p "$stack" down -v -t 0 --remove-orphans; done >>"$NOTES" 2>&1
`;

/** Each line of the script with its standard output and its exit code. */
function play(script: string, { name, command, env, socket = "", port }: Side): Promise<readonly string[]> {
  const cwd = join(dir, name, script.replace(".sh", ""));
  mkdirSync(cwd, { recursive: true });
  const repository = `${registry?.host}/${name}`;
  const ownEnv = {
    ...env,
    COMPOSE: command,
    SCRIPTS,
    SOCKET: socket,
    NOTES: join(dir, `${script}.${name}.notes`),
    PORT: String(port),
    REPOSITORY: repository,
  };
  const masked = (text: string) =>
    text
      .replaceAll(cwd, "CWD")
      .replaceAll(repository, "REPOSITORY")
      .replaceAll(new RegExp(`\\b${port}\\b`, "g"), "PORT")
      .replaceAll(/\b[0-9a-f]{64}\b/g, "ID64")
      .replaceAll(/\b[0-9a-f]{12}\b/g, "ID12");
  const options = { cwd, env: ownEnv, timeout: 900_000, killSignal: "SIGKILL", maxBuffer: 2 ** 24 } as const;
  return new Promise((done, reject) => {
    execFile("bash", ["-c", PLAYER, "play", join(SCRIPTS, script)], options, (error, stdout) => {
      if (error === null) done(masked(stdout).split("\x1e").slice(1));
      else reject(error);
    });
  });
}

function lineOf(answer: string): string {
  return answer.slice(0, answer.indexOf("\n"));
}

function answerOf(answer: string): string {
  return answer.slice(answer.indexOf("\n") + 1).trimEnd();
}
