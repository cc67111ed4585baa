// The two sides of every comparison, each with its own state, socket and networks: Stowage, and docker 28.
import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { run, until } from "./run.mjs";

const CHECKOUT = resolve(import.meta.dirname, "../..");
const BRIDGE = "stwbench0";

/** A folder of its own under the temporary folder, gone at the end. */
export function scratchFolder(name) {
  return mkdtempSync(join(tmpdir(), `stowage-bench-${name}-`));
}

export async function startStowage() {
  const dir = scratchFolder("stowage");
  const env = {
    ...process.env,
    STOWAGE_ROOT: join(dir, "root"),
    STOWAGE_RUN: join(dir, "run"),
    COMPOSE_PROGRESS: "plain",
  };
  delete env.DOCKER_HOST;
  const bin = join(CHECKOUT, "bin/stowage");
  const socket = join(dir, "run/stowage.sock");
  // Started the way a person's first command starts it.
  await run(bin, ["ls"], { env });
  const { pid } = JSON.parse((await run(bin, ["daemon", "status", "--json"], { env })).stdout);
  return {
    name: "stowage",
    command: [bin],
    docker: ["docker"],
    dockerEnv: { ...env, PATH: peerPath(), DOCKER_HOST: `unix://${socket}` },
    env,
    socket,
    daemonPids: () => [pid],
    stop: async () => {
      await run(bin, ["daemon", "stop"], { env });
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export async function startDocker() {
  const dir = scratchFolder("docker");
  const [path, plugins] = execFileSync("bash", [join(CHECKOUT, "scripts/peers.sh")], { encoding: "utf8" })
    .trim()
    .split("\n");
  const config = join(dir, "config");
  mkdirSync(config, { recursive: true });
  execFileSync("ln", ["-s", plugins, join(config, "cli-plugins")]);
  const socket = join(dir, "docker.sock");
  const env = {
    ...process.env,
    PATH: `${path}:${process.env.PATH}`,
    DOCKER_CONFIG: config,
    DOCKER_HOST: `unix://${socket}`,
    COMPOSE_PROGRESS: "plain",
  };
  // A bridge of its own: `--bridge none` would delete another dockerd's docker0.
  execFileSync("sh", [
    "-c",
    `ip link delete ${BRIDGE} 2>/dev/null; ip link add ${BRIDGE} type bridge && ip addr add 10.213.0.1/24 dev ${BRIDGE} && ip link set ${BRIDGE} up`,
  ]);
  const { child, end } = background(
    "dockerd",
    [
      ...[
        "--data-root",
        join(dir, "data"),
        "--exec-root",
        join(dir, "exec"),
        "--pidfile",
        join(dir, "dockerd.pid"),
      ],
      ...[
        "--bridge",
        BRIDGE,
        "--default-address-pool",
        "base=10.214.0.0/16,size=24",
        "-H",
        `unix://${socket}`,
      ],
    ],
    env,
    join(dir, "daemon.log"),
  );
  await until(() => answers(socket), "dockerd to answer", 60_000);
  return {
    name: "docker",
    command: ["docker", "compose"],
    docker: ["docker"],
    buildx: join(plugins, "docker-buildx"),
    dockerEnv: env,
    env,
    socket,
    daemonPids: () => [child.pid, ...childrenOf(child.pid)],
    stop: async () => {
      await end();
      execFileSync("ip", ["link", "delete", BRIDGE]);
      execFileSync("sh", ["-c", `findmnt -rno TARGET | grep '^${dir}' | sort -r | xargs -r -n1 umount -l`]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** `GET path` on a unix socket, or `POST` of JSON: status, body and time. */
export function request(socketPath, path, json) {
  const startedAt = performance.now();
  const method = json === undefined ? "GET" : "POST";
  const headers = { "content-type": "application/json" };
  return new Promise((resolvePromise, reject) => {
    const sent = http.request({ socketPath, path, method, headers, agent: false }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () =>
        resolvePromise({
          status: response.statusCode,
          body: Buffer.concat(chunks).toString(),
          ms: performance.now() - startedAt,
        }),
      );
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(json === undefined ? undefined : JSON.stringify(json));
  });
}

/** What the docker client asks for an `exec`, with its output read to the end; rejects when it does not end with 0. */
export async function execOverApi(socketPath, container, command) {
  const startedAt = performance.now();
  const created = await request(socketPath, `/containers/${container}/exec`, {
    AttachStdout: true,
    AttachStderr: true,
    Cmd: command,
  });
  const { Id: id } = JSON.parse(created.body);
  await new Promise((done, reject) => {
    const headers = { "content-type": "application/json", connection: "Upgrade", upgrade: "tcp" };
    const path = `/exec/${id}/start`;
    const sent = http.request({ socketPath, path, method: "POST", headers, agent: false });
    sent.on("upgrade", (_response, socket) => socket.on("end", done).on("error", reject).resume());
    sent.on("response", ({ statusCode }) =>
      reject(new Error(`The exec's start was answered with ${statusCode}`)),
    );
    sent.on("error", reject);
    sent.end(JSON.stringify({ Detach: false, Tty: false }));
  });
  const { ExitCode: exitCode } = JSON.parse((await request(socketPath, `/exec/${id}/json`)).body);
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}`);
  return performance.now() - startedAt;
}

function peerPath() {
  const [path] = execFileSync("bash", [join(CHECKOUT, "scripts/peers.sh")], { encoding: "utf8" }).split("\n");
  return `${path}:${process.env.PATH}`;
}

async function answers(socket) {
  try {
    return (await request(socket, "/_ping")).status === 200;
  } catch {
    return false;
  }
}

export function background(command, args, env, logFile) {
  const log = openSync(logFile, "a");
  const child = spawn(command, args, { env, stdio: ["ignore", log, log] });
  closeSync(log);
  child.on("exit", (code) => {
    if (code !== 0 && code !== null)
      process.stderr.write(
        `bench: ${command} ended with ${code}:\n${readFileSync(logFile, "utf8").slice(-2000)}\n`,
      );
  });
  const ended = new Promise((done) => child.once("exit", done));
  return {
    child,
    end: async () => {
      if (child.exitCode === null) child.kill("SIGTERM");
      await ended;
    },
  };
}

function childrenOf(pid) {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  const direct = execFileSync("sh", ["-c", `cat /proc/${pid}/task/*/children`], { encoding: "utf8" }).trim();
  return [...new Set(`${text} ${direct}`.split(/\s+/).filter(Boolean).map(Number))];
}
