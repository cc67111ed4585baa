import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiServer, createApiServer } from "../../src/server/index.ts";
import { openRegistry, type Registry } from "../support/registry-bench.ts";
import { TestEngine } from "../support/test-engine.ts";
import { type Dockerd, dockerEnv, findPeers, importBusybox, startDockerd } from "./support/dockerd.ts";

// The stock docker client and docker compose say the same of our engine as of dockerd 28: each folder's script is
// run line by line on both, and the two transcripts are compared. What may differ by nature is written as X. A script
// finds repositories of its side's own below $REPOSITORY.

const SCRIPTS = join(import.meta.dirname, "docker-cli");
const NET = "10.217";

const engine = new TestEngine("docker-cli");
let server: ApiServer | undefined;
let dockerd: Dockerd | undefined;
let registry: Registry | undefined;
let sides: readonly (readonly [name: string, env: NodeJS.ProcessEnv])[] = [];

beforeAll(async () => {
  const peers = findPeers();
  const runtime = await engine.open();
  await importBusybox(runtime, "busybox:latest");
  server = createApiServer({ runtime, onFault: (error, request) => console.error(request, error) });
  const socket = join(engine.runDir, "docker.sock");
  await server.listenOnSocket(socket);
  dockerd = await startDockerd(peers, "stwcli0", NET);
  await importBusybox(dockerd.runtime, "busybox:latest");
  registry = await openRegistry(dockerd.dir);
  const repositoryOf = (side: string) => ({ REPOSITORY: `${registry?.host}/${side}` });
  sides = [
    [
      "dockerd",
      { ...dockerEnv(peers, dockerd.socket, join(dockerd.dir, "config")), ...repositoryOf("dockerd") },
    ],
    ["stowage", { ...dockerEnv(peers, socket, join(engine.runDir, "config")), ...repositoryOf("stowage") }],
  ];
}, 180_000);

afterAll(async () => {
  await server?.close();
  await registry?.close();
  await engine.destroy();
  await dockerd?.stop();
}, 180_000);

describe("the docker client on our engine says what it says on dockerd", () => {
  const scripts = readdirSync(SCRIPTS).filter((name) => name.endsWith(".sh"));
  it.each(scripts.map((name) => [titleOf(name), name]))(
    "%s",
    async (_, name) => {
      const transcripts: Record<string, string> = {};
      for (const [side, env] of sides) transcripts[side] = plain(await play(join(SCRIPTS, name), env));
      expect(transcripts["stowage"]).toBe(transcripts["dockerd"]);
    },
    1_250_000,
  );
});

function titleOf(name: string): string {
  return readFileSync(join(SCRIPTS, name), "utf8").split("\n")[0]?.replace(/^# /, "") ?? name;
}

// tty: in a terminal of 100 columns. typed: keys for a command in a terminal, when it has said something: before that, the
// terminal may not be its own yet. settled: dockerd tells who waits for a container's end before it writes the end into
// its list; who has been shown the container finds it there.
const PLAYER = `
export DOCKER_CLI_HINTS=false COMPOSE_ANSI=never
tty() { local c; printf -v c '%q ' "$@"; script -qec "stty cols 100 rows 30; $c" /dev/null </dev/null | tr -d '\\0' | sed 's/\\^@//g'; }
typed() { local keys=$1; shift; rm -f keys; mkfifo keys; script -qec "$*" /dev/null <keys | { exec 8>keys; read -rN1; printf "$keys" >&8; exec 8>&-; cat; }; }
settled() { docker ps -aq | xargs -r docker inspect; } >/dev/null
clean() { docker ps -aq | xargs -r docker rm -fv; docker volume prune -af; docker network prune -f; docker image prune -f; } >/dev/null 2>&1
clean
while IFS= read -r line <&9; do
  case $line in ''|'#'*) continue;; esac
  echo "$ $line"; set -o pipefail; eval "$line" 2>&1 </dev/null; echo "[$?]"
done 9<"$1"
cd /; clean
`;

function play(script: string, env: NodeJS.ProcessEnv): Promise<string> {
  const cwd = mkdtempSync(join(tmpdir(), "stowage-play-"));
  return new Promise((resolve, reject) => {
    const options = { cwd, env, timeout: 600_000, killSignal: "SIGKILL", maxBuffer: 2 ** 24 } as const;
    execFile("bash", ["-c", PLAYER, "play", script], options, (error, stdout) => {
      rmSync(cwd, { recursive: true, force: true });
      const repository = env["REPOSITORY"] ?? "";
      const namesMasked = stdout
        .replaceAll(cwd, "CWD")
        .replaceAll(repository, "REPOSITORY")
        .replaceAll(`${repository.slice(repository.indexOf("/") + 1)}/`, "SIDE/");
      if (error === null) resolve(namesMasked);
      else reject(error);
    });
  });
}

/** Ids, the words dockerd's layers put before the OCI runtime's, and which of the two OCI runtimes it was. */
function plain(transcript: string): string {
  return transcript
    .replaceAll(/\b[0-9a-f]{64}\b/g, "ID64")
    .replaceAll(/\b[0-9a-f]{12}\b/g, "ID12")
    .replaceAll("failed to create shim task: ", "")
    .replaceAll(
      "OCI runtime create failed: crun create failed: ",
      "OCI runtime create failed: runc create failed: ",
    )
    .replaceAll("\r\n", "\n");
}
