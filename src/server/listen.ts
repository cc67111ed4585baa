import { chown, mkdir, readFile, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { connect, type ListenOptions } from "node:net";
import { dirname } from "node:path";
import { RuntimeError } from "../runtime/index.ts";

/** Read and write for owner and group, nothing for others. */
const SOCKET_UMASK = 0o117;

export interface TcpOptions {
  readonly host: string;
  readonly port: number;
  /** Client certificates are demanded. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Whoever reaches the port is root on this machine: off the loopback that must be said. */
  readonly allowInsecure?: boolean;
}

/**
 * Listens on a unix socket that from its first instant is only for root, then for `group` too if it exists.
 * `conflict` when somebody answers there already; a left-over socket is replaced.
 */
export async function listenOnSocket(server: Server, path: string, group = "stowage"): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o711 });
  if (await answers(path))
    throw new RuntimeError("conflict", `Cannot listen on "${path}": another server answers there`);
  await rm(path, { force: true });
  await listening(server, { path }, SOCKET_UMASK);
  const gid = await groupId(group);
  if (gid !== undefined && process.getuid?.() === 0) await chown(path, 0, gid);
}

export async function listenOnTcp(server: Server, options: TcpOptions): Promise<number> {
  if (options.tls === undefined && options.allowInsecure !== true && !isLoopback(options.host))
    throw new RuntimeError(
      "forbidden",
      `Cannot listen on ${options.host}:${options.port} without client certificates: whoever reaches it is root here`,
    );
  await listening(server, { host: options.host, port: options.port });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : options.port;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}

/** Node binds within the call, so the umask holds for exactly the socket's creation. */
function listening(server: Server, options: ListenOptions, umask?: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(
        new RuntimeError(
          "unavailable",
          `Cannot listen on ${options.path ?? `${options.host}:${options.port}`}`,
          { cause: error },
        ),
      );
    server.once("error", fail);
    const previous = umask === undefined ? undefined : process.umask(umask);
    try {
      server.listen(options, () => {
        server.off("error", fail);
        resolve();
      });
    } finally {
      if (previous !== undefined) process.umask(previous);
    }
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function groupId(name: string): Promise<number | undefined> {
  const text = await readFile("/etc/group", "utf8").catch(() => "");
  const fields = text
    .split("\n")
    .map((line) => line.split(":"))
    .find(([group]) => group === name);
  return fields?.[2] === undefined ? undefined : Number(fields[2]);
}
