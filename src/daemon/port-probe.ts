import { readFile } from "node:fs/promises";
import type { PortBinding } from "../runtime/index.ts";

const LISTEN = "0A";

/** Whether a program of this machine's own namespace holds the port. Reads /proc/net, binds nothing. */
export async function isPortTaken(binding: PortBinding): Promise<boolean> {
  if (typeof binding.hostPort !== "number" || binding.protocol === "sctp") return false;
  const tables = [`/proc/net/${binding.protocol}`, `/proc/net/${binding.protocol}6`];
  for (const table of tables) {
    const text = await readFile(table, "utf8").catch(() => "");
    if (hasPort(text, binding)) return true;
  }
  return false;
}

function hasPort(table: string, binding: PortBinding): boolean {
  return table
    .split("\n")
    .slice(1)
    .some((line) => {
      const [, local, , state] = line.trim().split(/\s+/);
      const [address, port] = local?.split(":") ?? [];
      if (address === undefined || port === undefined) return false;
      if (binding.protocol === "tcp" && state !== LISTEN) return false;
      return Number.parseInt(port, 16) === binding.hostPort && overlaps(address, binding.hostIp);
    });
}

/** Both are the same address, or one of them is every address. */
function overlaps(hexAddress: string, hostIp: string | undefined): boolean {
  if (/^0+$/.test(hexAddress)) return true;
  if (hostIp === undefined || hostIp === "" || hostIp === "0.0.0.0" || hostIp === "::") return true;
  return hexOf(hostIp) === hexAddress;
}

/** An IPv4 address as /proc/net/tcp writes it on a little-endian machine. */
function hexOf(address: string): string {
  return address
    .split(".")
    .reverse()
    .map((part) => Number(part).toString(16).padStart(2, "0"))
    .join("")
    .toUpperCase();
}
