import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Readable } from "node:stream";
import { openDockerRuntime } from "../../../src/runtime/docker/index.ts";
import type { ContainerRuntime } from "../../../src/runtime/index.ts";

const CHECKOUT = resolve(import.meta.dirname, "../../..");

/** The docker client, dockerd and compose of the newest Debian suite, by scripts/peers.sh. */
export interface Peers {
  /** To put first on the PATH. */
  readonly path: string;
  readonly plugins: string;
}

export function findPeers(): Peers {
  const [path = "", plugins = ""] = execFileSync("bash", [join(CHECKOUT, "scripts/peers.sh")], {
    encoding: "utf8",
  })
    .trim()
    .split("\n");
  return { path, plugins };
}

/** An environment in which `docker` and `docker compose` talk to `socket` and know no other configuration. */
export function dockerEnv(peers: Peers, socket: string, configDir: string): NodeJS.ProcessEnv {
  mkdirSync(configDir, { recursive: true });
  rmSync(join(configDir, "cli-plugins"), { force: true });
  execFileSync("ln", ["-s", peers.plugins, join(configDir, "cli-plugins")]);
  return {
    ...process.env,
    PATH: `${peers.path}:${process.env["PATH"]}`,
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: configDir,
    COMPOSE_PROGRESS: "plain",
  };
}

export interface Dockerd {
  readonly socket: string;
  readonly dir: string;
  readonly runtime: ContainerRuntime;
  stop(): Promise<void>;
}

/**
 * dockerd 28 with its own folders, socket and bridge. `--bridge none` is never used: it would delete the
 * docker0 of another dockerd on this machine.
 */
export async function startDockerd(peers: Peers, bridge = "stwdkr0", net = "10.215"): Promise<Dockerd> {
  const dir = mkdtempSync(join(tmpdir(), "stowage-dockerd-"));
  const socket = join(dir, "docker.sock");
  // A run that was killed may have left its bridge.
  execFileSync("sh", [
    "-c",
    `ip link delete ${bridge} 2>/dev/null; ip link add ${bridge} type bridge && ip addr add ${net}.0.1/24 dev ${bridge} && ip link set ${bridge} up`,
  ]);
  const log = openSync(join(dir, "dockerd.log"), "w");
  const child = spawn(
    "dockerd",
    [
      ...["--data-root", join(dir, "data"), "--exec-root", join(dir, "exec")],
      ...["--pidfile", join(dir, "dockerd.pid"), "--bridge", bridge, "-H", `unix://${socket}`],
      ...["--default-address-pool", `base=${net}.128.0/17,size=24`],
    ],
    { env: { ...process.env, PATH: `${peers.path}:${process.env["PATH"]}` }, stdio: ["ignore", log, log] },
  );
  const runtime = openDockerRuntime({ host: `unix://${socket}` });
  const stop = async (): Promise<void> => {
    await runtime.close();
    await ended(child);
    execFileSync("ip", ["link", "delete", bridge]);
    execFileSync("sh", [
      "-c",
      `findmnt -rno TARGET | grep '^${dir}' | sort -r | xargs -r -n1 umount -l; ip -o link | grep -o 'br-[0-9a-f]\\{12\\}' | sort -u | while read -r b; do ip -o addr show dev $b | grep -q ' ${net}\\.' && ip link delete $b; done; true`,
    ]);
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await answering(runtime, child, join(dir, "dockerd.log"));
  } catch (error) {
    await stop();
    throw error;
  }
  return { socket, dir, runtime, stop };
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return Promise.resolve();
  return new Promise((resolvePromise) => {
    child.once("exit", () => resolvePromise());
    child.kill("SIGTERM");
  });
}

async function answering(runtime: ContainerRuntime, child: ChildProcess, logPath: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const isUp = await runtime.info().then(
      () => true,
      () => false,
    );
    if (isUp) return;
    if (child.exitCode !== null || Date.now() > deadline)
      throw new Error(`dockerd does not answer:\n${readFileSync(logPath, "utf8").slice(-2000)}`);
    await new Promise((resolvePromise) => setTimeout(resolvePromise, 100));
  }
}

/** Debian's static busybox with all its applets, imported under `reference`. */
export async function importBusybox(runtime: ContainerRuntime, reference: string): Promise<void> {
  await runtime.images.import(Readable.from([busyboxTar()]), {
    reference,
    changes: ["ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 'CMD ["sh"]'],
  });
}

export function busyboxTar(): Buffer {
  const script = [
    "set -e; d=$(mktemp -d); cd $d; mkdir -p bin etc tmp root proc sys dev var/www; chmod 1777 tmp; cp /bin/busybox bin/",
    "for a in $(bin/busybox --list); do [ $a = busybox ] || ln -s busybox bin/$a; done",
    "echo root:x:0:0:root:/root:/bin/sh > etc/passwd; echo 'nobody:x:65534:65534:nobody:/:/bin/false' >> etc/passwd",
    "printf 'root:x:0:\\nwheel:x:10:root\\nnogroup:x:65534:\\n' > etc/group",
    "tar --numeric-owner --owner 0 --group 0 -c .; rm -rf $d",
  ];
  return execFileSync("sh", ["-c", script.join("\n")], { maxBuffer: 64 * 1024 * 1024 });
}
