import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { basename, join } from "node:path";
import { loadLibc } from "../../host/libc.ts";
import type { SandboxRecord } from "../sandbox-record.ts";
import { needsResolver } from "../sandbox-record.ts";
import { Forwarder } from "./forwarder.ts";
import { HostServers } from "./host-servers.ts";
import { NameServer } from "./name-server.ts";
import { type Names, namesOf } from "./names.ts";
import { NetnsSockets } from "./netns-sockets.ts";
import { RESOLVER_ADDRESS, RESOLVER_PORT, type ResolverPaths, resolverPaths } from "./protocol.ts";

/**
 * The names of containers: a process of its own, so that they are there while the daemon is not. It answers on
 * 127.0.0.11 inside each container's namespace, from sockets it opened there.
 */
const IDLE_MS = 15_000;
const WATCH_MS = 10_000;

class Resolver {
  readonly #paths: ResolverPaths;
  readonly #sockets: NetnsSockets;
  readonly #forwarder: Forwarder;
  readonly #sandboxes = new Map<string, SandboxRecord>();
  readonly #servers = new Map<string, NameServer>();
  #names: Names = namesOf([]);
  #idle: NodeJS.Timeout | undefined;

  constructor(paths: ResolverPaths, sockets: NetnsSockets) {
    this.#paths = paths;
    this.#sockets = sockets;
    this.#forwarder = new Forwarder(sockets, new HostServers());
    this.#endWhenIdle();
  }

  loadAll(): void {
    for (const file of readdirSync(this.#paths.sandboxesDir)) {
      if (!file.endsWith(".json")) continue;
      try {
        this.#load(basename(file, ".json"));
      } catch (error) {
        complain(error);
      }
    }
    this.#changed();
  }

  perform(command: string): string {
    const [verb, id = ""] = command.split(" ");
    try {
      if (verb === "load") this.#load(id);
      else if (verb === "drop") this.#drop(id);
      else if (verb === "stop") setImmediate(() => this.end());
      else throw new Error(`unknown command "${command}"`);
      this.#changed();
      return "ok";
    } catch (error) {
      return `error ${error instanceof Error ? error.message : String(error)}`.replaceAll("\n", " ");
    }
  }

  end(): never {
    rmSync(this.#paths.socketPath, { force: true });
    process.exit(0);
  }

  #load(id: string): void {
    const path = join(this.#paths.sandboxesDir, `${id}.json`);
    if (!existsSync(path)) {
      this.#drop(id);
      return;
    }
    const sandbox = JSON.parse(readFileSync(path, "utf8")) as SandboxRecord;
    this.#sandboxes.set(id, sandbox);
    if (!needsResolver(sandbox)) this.#stopServing(id);
    else if (!this.#servers.has(id)) this.#serve(id, sandbox);
  }

  #drop(id: string): void {
    this.#sandboxes.delete(id);
    this.#stopServing(id);
  }

  #serve(id: string, sandbox: SandboxRecord): void {
    const { udp, tcp } = this.#sockets.listening(sandbox.netnsPath ?? "", RESOLVER_ADDRESS, RESOLVER_PORT);
    const server = new NameServer({
      udpFd: udp,
      tcpFd: tcp,
      asker: () => this.#sandboxes.get(id) ?? sandbox,
      names: () => this.#names,
      forwarder: this.#forwarder,
    });
    this.#servers.set(id, server);
  }

  #stopServing(id: string): void {
    this.#servers.get(id)?.close();
    this.#servers.delete(id);
  }

  #changed(): void {
    this.#names = namesOf(this.#sandboxes.values());
    this.#endWhenIdle();
  }

  /** The first container may be on its way: the daemon starts us when its network is made. */
  #endWhenIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = this.#servers.size > 0 ? undefined : setTimeout(() => this.end(), IDLE_MS);
  }
}

async function main(): Promise<void> {
  const [dnsDir] = process.argv.slice(2);
  if (dnsDir === undefined) throw new Error("usage: dns-resolver FOLDER");
  process.title = "stowage-names";
  const libc = await loadLibc();
  if (libc === undefined)
    throw new Error("koffi does not load here, and without it no namespace can be entered");
  const paths = resolverPaths(dnsDir);
  mkdirSync(paths.sandboxesDir, { recursive: true, mode: 0o700 });
  if (await isAnswered(paths.socketPath)) return;
  const resolver = new Resolver(paths, new NetnsSockets(libc));
  await listen(paths.socketPath, resolver);
  resolver.loadAll();
  process.on("SIGTERM", () => resolver.end());
  // A run folder that was swept away has nobody left to tell us.
  setInterval(() => {
    if (!existsSync(paths.socketPath)) process.exit(0);
  }, WATCH_MS).unref();
  process.stdout.write("ready\n");
}

function listen(path: string, resolver: Resolver): Promise<void> {
  rmSync(path, { force: true });
  const server = createServer((connection) => converse(connection, resolver));
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(path, resolve);
  });
}

function converse(connection: Socket, resolver: Resolver): void {
  let rest = "";
  connection.setEncoding("utf8");
  connection.on("error", () => connection.destroy());
  connection.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) connection.write(`${resolver.perform(line)}\n`);
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.on("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.on("error", () => resolve(false));
  });
}

function complain(error: unknown): void {
  process.stderr.write(
    `${new Date().toISOString()} ${error instanceof Error ? error.message : String(error)}\n`,
  );
}

main().catch((error: unknown) => {
  complain(error);
  process.exit(1);
});
