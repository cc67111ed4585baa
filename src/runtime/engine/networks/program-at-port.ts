import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Protocol } from "../../index.ts";

const LISTENING = "0A";

/** For a message: `program "nginx" (pid 123)`. Slow (it looks through /proc); undefined when it cannot be told. */
export function programAtPort(protocol: Protocol, port: number): string | undefined {
  const inodes = new Set(
    ["", "6"].flatMap((suffix) => socketsAt(`/proc/net/${protocol}${suffix}`, protocol, port)),
  );
  if (inodes.size === 0) return undefined;
  for (const pid of list("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const isOwner = list(`/proc/${pid}/fd`).some((fd) => inodes.has(linkOf(`/proc/${pid}/fd/${fd}`)));
    if (isOwner) return `program "${textOf(`/proc/${pid}/comm`).trim()}" (pid ${pid})`;
  }
  return undefined;
}

/** Columns: slot, local address, remote address, state, ..., inode (tenth); `address:port` in hex. */
function socketsAt(table: string, protocol: Protocol, port: number): readonly string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  return textOf(table)
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, local, , state]) => local?.endsWith(`:${wanted}`) && (protocol !== "tcp" || state === LISTENING),
    )
    .map((columns) => `socket:[${columns[9] ?? ""}]`);
}

function list(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
