import { parseIp } from "../../../lib/ip-address.ts";
import { RuntimeError } from "../../index.ts";

const FIRST_LINES: readonly (readonly [address: string, names: string])[] = [
  ["127.0.0.1", "localhost"],
  ["::1", "localhost ip6-localhost ip6-loopback"],
  ["fe00::", "ip6-localnet"],
  ["ff00::", "ip6-mcastprefix"],
  ["ff02::1", "ip6-allnodes"],
  ["ff02::2", "ip6-allrouters"],
];

export interface HostsEntry {
  readonly address: string;
  readonly names: readonly string[];
}

/** As Docker writes it: localhost, what was asked for, then the container itself. */
export function renderHosts(extra: readonly HostsEntry[], own: readonly HostsEntry[]): string {
  const lines = [...extra, ...own].map(({ address, names }) => [address, names.join(" ")] as const);
  return [...FIRST_LINES, ...lines].map(([address, names]) => `${address}\t${names}\n`).join("");
}

/** `host:ip` or `host=ip`, brackets round IPv6 allowed; `host-gateway` becomes `gateway`. */
export function parseExtraHost(text: string, gateway: readonly string[]): readonly HostsEntry[] {
  const [, name, value] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new RuntimeError("invalid", `bad format for add-host: "${text}"`);
  if (value === "host-gateway") {
    if (gateway.length === 0)
      throw new RuntimeError(
        "invalid",
        `Cannot give "${name}" the address of host-gateway: the container has no way to the host`,
      );
    return gateway.map((address) => ({ address, names: [name] }));
  }
  const address = value.replace(/^\[(.*)\]$/, "$1");
  if (parseIp(address) === undefined)
    throw new RuntimeError("invalid", `invalid IP address in add-host: "${value}"`);
  return [{ address, names: [name] }];
}
