import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { Mutex } from "../../../../lib/keyed-mutex.ts";
import { programPath } from "../../../../lib/program-path.ts";
import { RuntimeError } from "../../../index.ts";
import { type ResolverCommand, type ResolverPaths, resolverPaths } from "./protocol.ts";

const START_MS = 60_000;

/** The daemon's side: starts the resolver when it is needed and tells it what has changed. */
export class ResolverClient {
  readonly #dnsDir: string;
  readonly #paths: ResolverPaths;
  readonly #oneAtATime = new Mutex();
  readonly #onLost: () => void;
  #connection: Connection | undefined;

  /** `onLost`: the process we talked to has ended without being told to. */
  constructor(dnsDir: string, onLost: () => void) {
    this.#dnsDir = dnsDir;
    this.#onLost = onLost;
    this.#paths = resolverPaths(dnsDir);
  }

  /** Ends by itself if nothing is loaded for a while. */
  async start(): Promise<void> {
    await this.#oneAtATime.run(() => this.#connected());
  }

  /** Resolves when the container's queries are answered. */
  async load(containerId: string): Promise<void> {
    await this.#oneAtATime.run(async () => {
      try {
        await this.#tell(await this.#connected(), `load ${containerId}`);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        // It ended between two commands, idle.
        await this.#tell(await this.#connected(), `load ${containerId}`);
      }
    });
  }

  /** Resolves when its sockets are gone from the namespace. */
  async drop(containerId: string): Promise<void> {
    await this.#toldIfRunning(`drop ${containerId}`);
  }

  async stop(): Promise<void> {
    await this.#toldIfRunning("stop");
    this.disconnect();
  }

  disconnect(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #toldIfRunning(command: ResolverCommand): Promise<void> {
    await this.#oneAtATime.run(async () => {
      this.#connection ??= await this.#open();
      if (this.#connection === undefined) return;
      await this.#tell(this.#connection, command).catch((error: unknown) => {
        if (!(error instanceof ConnectionLost)) throw error;
      });
    });
  }

  async #tell(connection: Connection, command: ResolverCommand): Promise<void> {
    let answer: string;
    try {
      answer = await connection.ask(command);
    } catch (error) {
      this.disconnect();
      throw error;
    }
    if (answer !== "ok")
      throw new RuntimeError(
        "internal",
        `The name resolver cannot ${command}: ${answer.replace(/^error /, "")}`,
      );
  }

  async #connected(): Promise<Connection> {
    if (this.#connection?.isOpen !== true) this.#connection = await this.#open();
    if (this.#connection !== undefined) return this.#connection;
    await this.#spawn();
    this.#connection = await this.#open();
    if (this.#connection === undefined) throw this.#startFailure("nobody listens on its socket");
    return this.#connection;
  }

  async #open(): Promise<Connection | undefined> {
    const connection = await openConnection(this.#paths.socketPath, () => {
      if (this.#connection !== connection) return;
      this.#connection = undefined;
      this.#onLost();
    });
    return connection;
  }

  /** Detached, and its output in a file: it must outlive us. */
  async #spawn(): Promise<void> {
    mkdirSync(this.#dnsDir, { recursive: true, mode: 0o700 });
    const log = openSync(this.#paths.logPath, "w", 0o600);
    const child = spawn(
      process.execPath,
      ["--max-semi-space-size=1", "--v8-pool-size=1", programPath("dns-resolver"), this.#dnsDir],
      { cwd: "/", detached: true, stdio: ["ignore", "pipe", log], env: { STOWAGE_DNS_DIR: this.#dnsDir } },
    );
    closeSync(log);
    const outcome = await new Promise<string>((resolve) => {
      const timer = setTimeout(() => resolve("it does not get ready"), START_MS);
      const settle = (text: string): void => {
        clearTimeout(timer);
        resolve(text);
      };
      child.on("error", (error) => settle(error.message));
      child.on("exit", (exitCode) => settle(exitCode === 0 ? "ready" : `it ended with ${exitCode}`));
      child.stdout?.on("data", () => settle("ready"));
    });
    child.stdout?.destroy();
    child.unref();
    if (outcome !== "ready") throw this.#startFailure(outcome);
  }

  #startFailure(reason: string): RuntimeError {
    let log = "";
    try {
      log = readFileSync(this.#paths.logPath, "utf8").trim();
    } catch {
      // No log, then.
    }
    const detail = log === "" ? "" : ` (${log.slice(-500)})`;
    return new RuntimeError("unavailable", `Cannot start the name resolver: ${reason}${detail}`);
  }
}

class ConnectionLost extends Error {}

interface Connection {
  readonly isOpen: boolean;
  ask(command: string): Promise<string>;
  close(): void;
}

/** Undefined when nobody listens. */
function openConnection(path: string, onClosed: () => void): Promise<Connection | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.setEncoding("utf8");
    socket.once("error", () => resolve(undefined));
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      socket.on("close", onClosed);
      resolve(connectionOver(socket));
    });
  });
}

function connectionOver(socket: Socket): Connection {
  let rest = "";
  let waiting: { resolve: (line: string) => void; reject: (error: Error) => void } | undefined;
  socket.on("data", (text: string) => {
    rest += text;
    const end = rest.indexOf("\n");
    if (end < 0) return;
    const line = rest.slice(0, end);
    rest = rest.slice(end + 1);
    waiting?.resolve(line);
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => waiting?.reject(new ConnectionLost("the name resolver has ended")));
  socket.unref();
  return {
    get isOpen() {
      return !socket.destroyed;
    },
    ask: async (command) => {
      if (socket.destroyed) throw new ConnectionLost("the name resolver has ended");
      socket.ref();
      try {
        return await new Promise<string>((resolve, reject) => {
          waiting = { resolve, reject };
          socket.write(`${command}\n`);
        });
      } finally {
        waiting = undefined;
        socket.unref();
      }
    },
    close: () => socket.destroy(),
  };
}
