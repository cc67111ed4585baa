import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** Debian's registry on a loopback port of its own. */
export interface Registry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  close(): Promise<void>;
}

export interface RegistryOptions {
  /** `user:bcrypt` lines; the registry then wants basic credentials. */
  readonly htpasswd?: string;
  /** Paths of PEM files; the registry then speaks TLS alone. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

export async function openRegistry(folder: string, options: RegistryOptions = {}): Promise<Registry> {
  const dir = mkdtempSync(join(folder, "registry-"));
  const config: Record<string, unknown> = {
    version: "0.1",
    log: { level: "info", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(dir, "data") }, delete: { enabled: true } },
    // A port that it finds itself: one that we found could be another's by then.
    http: { addr: "127.0.0.1:0", ...(options.tls !== undefined && { tls: options.tls }) },
  };
  if (options.htpasswd !== undefined) {
    writeFileSync(join(dir, "htpasswd"), options.htpasswd);
    config["auth"] = { htpasswd: { realm: "test", path: join(dir, "htpasswd") } };
  }
  // JSON is YAML.
  writeFileSync(join(dir, "config.yml"), JSON.stringify(config));
  const child = spawn("docker-registry", ["serve", join(dir, "config.yml")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  return {
    host: await listeningAt(child),
    close: () =>
      new Promise((resolve) => {
        child.once("exit", () => resolve());
        child.kill();
      }),
  };
}

/** The address that it says it listens at. */
async function listeningAt(child: ChildProcessByStdio<null, null, Readable>): Promise<string> {
  let text = "";
  for await (const line of createInterface({ input: child.stderr })) {
    text += `${line}\n`;
    const address = /msg="listening on ([\d.]+:\d+)/.exec(line)?.[1];
    if (address === undefined) continue;
    child.stderr.resume();
    return address;
  }
  throw new Error(`docker-registry does not listen:\n${text}`);
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
