import { join } from "node:path";

/** Where the daemon and the resolver process meet. */
export interface ResolverPaths {
  /** One file per open sandbox, `<container id>.json`. */
  readonly sandboxesDir: string;
  readonly socketPath: string;
  readonly logPath: string;
}

export function resolverPaths(dnsDir: string): ResolverPaths {
  return {
    sandboxesDir: join(dnsDir, "sandboxes"),
    socketPath: join(dnsDir, "resolver.sock"),
    logPath: join(dnsDir, "resolver.log"),
  };
}

/** Inside each namespace: what resolv.conf says, and where the resolver really listens (53 is the container's to use). */
export const RESOLVER_ADDRESS = "127.0.0.11";
export const RESOLVER_PORT = 57_353;

/**
 * One line each way over the socket. `load ID` reads the sandbox's file again; `drop ID` lets its sockets go;
 * the answer is `ok`, or `error` and a text. The process ends when nothing is left to answer for.
 */
export type ResolverCommand = `load ${string}` | `drop ${string}` | "stop";
