import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { until } from "./until.ts";

/** Debian's registry on a loopback port of its own. */
export interface Registry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly logPath: string;
  close(): Promise<void>;
}

export interface RegistryOptions {
  /** `user:bcrypt` lines; the registry then wants basic credentials. */
  readonly htpasswd?: string;
  /** Paths of PEM files; the registry then speaks TLS alone. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

export async function openRegistry(folder: string, options: RegistryOptions = {}): Promise<Registry> {
  const port = await freePort();
  const dir = join(folder, `registry-${port}`);
  mkdirSync(dir, { recursive: true });
  const config: Record<string, unknown> = {
    version: "0.1",
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: join(dir, "data") }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}`, ...(options.tls !== undefined && { tls: options.tls }) },
  };
  if (options.htpasswd !== undefined) {
    writeFileSync(join(dir, "htpasswd"), options.htpasswd);
    config["auth"] = { htpasswd: { realm: "test", path: join(dir, "htpasswd") } };
  }
  // JSON is YAML.
  writeFileSync(join(dir, "config.yml"), JSON.stringify(config));
  const child = spawn("docker-registry", ["serve", join(dir, "config.yml")], { stdio: "ignore" });
  await answering(`http://127.0.0.1:${port}/v2/`, child);
  return {
    host: `127.0.0.1:${port}`,
    logPath: dir,
    close: () =>
      new Promise((resolve) => {
        child.once("exit", () => resolve());
        child.kill();
      }),
  };
}

function answering(url: string, child: ChildProcess): Promise<void> {
  const answers = async () => {
    if (child.exitCode !== null) throw new Error(`docker-registry exited with ${child.exitCode}`);
    return fetch(url).then(
      async (response) => (await response.arrayBuffer()) !== undefined,
      () => false,
    );
  };
  return until(answers, "an answer of docker-registry", 60_000);
}

/** A web server that does what a test says, and remembers what it was asked. */
export interface FakeServer {
  readonly host: string;
  readonly requests: {
    readonly method: string;
    readonly url: string;
    readonly authorization: string | undefined;
  }[];
  close(): Promise<void>;
}

/** On the loopback, or at another of the machine's addresses. */
export async function openFakeServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  address = "127.0.0.1",
): Promise<FakeServer> {
  const requests: FakeServer["requests"] = [];
  const server: Server = createHttpServer((request, response) => {
    requests.push({
      method: request.method ?? "",
      url: request.url ?? "",
      authorization: request.headers.authorization,
    });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `${address}:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
