import { readFileSync } from "node:fs";
import { type HostsEntry, parseExtraHost, renderHosts } from "./hosts-file.ts";
import { hostResolvConf, PUBLIC_SERVERS, reachableServers, renderResolvConf } from "./resolv-conf.ts";
import { RESOLVER_ADDRESS } from "./resolver/protocol.ts";
import { needsResolver, type SandboxRecord } from "./sandbox-record.ts";

export interface SandboxTexts {
  readonly hosts: string;
  readonly resolvConf: string;
}

/** /etc/hosts and /etc/resolv.conf of a container. `others`: open sandboxes, for the legacy links. */
export function textsFor(sandbox: SandboxRecord, others: Iterable<SandboxRecord>): SandboxTexts {
  if (sandbox.netnsPath === undefined) return machineTexts(sandbox);
  return {
    hosts: renderHosts([...extraEntries(sandbox), ...linkEntries(sandbox, others)], ownEntries(sandbox)),
    resolvConf: resolvConfFor(sandbox),
  };
}

/** In the machine's own namespace: its files, and what was asked for. */
function machineTexts(sandbox: SandboxRecord): SandboxTexts {
  const { servers, search, options } = sandbox.names;
  const hasOwn = servers.length + search.length + options.length > 0;
  const host = hostResolvConf();
  return {
    hosts: machineHosts(sandbox),
    resolvConf: hasOwn
      ? renderResolvConf(
          {
            servers: servers.length > 0 ? servers : host.servers,
            search: search.length > 0 ? search : host.search,
            options: options.length > 0 ? options : host.options,
          },
          notesOf(sandbox, "host network"),
        )
      : readIfThere("/etc/resolv.conf"),
  };
}

function machineHosts(sandbox: SandboxRecord): string {
  const text = readIfThere("/etc/hosts");
  const entries = sandbox.names.extraHosts.flatMap((host) => parseExtraHost(host, ["127.0.0.1"]));
  if (entries.length === 0) return text;
  const lines = entries.map(({ address, names }) => `${address}\t${names.join(" ")}\n`).join("");
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${lines}`;
}

function ownEntries(sandbox: SandboxRecord): readonly HostsEntry[] {
  const { hostname, domainname } = sandbox;
  // A full name may be the hostname as well.
  const fullName = [hostname, domainname].filter((part) => part !== undefined && part !== "").join(".");
  const names = [...new Set([fullName, domainname ? hostname : (fullName.split(".", 1)[0] ?? "")])];
  return sandbox.endpoints
    .flatMap(({ ipv4, ipv6 }) => [ipv4?.address, ipv6?.address])
    .flatMap((address) => (address === undefined ? [] : [{ address, names }]));
}

function extraEntries(sandbox: SandboxRecord): readonly HostsEntry[] {
  const gateways = sandbox.endpoints
    .filter(({ link }) => link !== undefined)
    .slice(0, 1)
    .flatMap(({ ipv4, ipv6 }) => [ipv4?.gateway, ipv6?.gateway].flatMap((gateway) => gateway ?? []));
  return sandbox.names.extraHosts.flatMap((host) => parseExtraHost(host, gateways));
}

/** Links of the default bridge are lines in the file; elsewhere they are aliases that the resolver knows. */
function linkEntries(sandbox: SandboxRecord, others: Iterable<SandboxRecord>): readonly HostsEntry[] {
  const networks = new Map(
    sandbox.endpoints
      .filter(({ dnsNames }) => dnsNames.length === 0)
      .map(({ networkId }) => [networkId, true]),
  );
  const byName = new Map(
    [...others].flatMap((other) => [
      [other.containerName, other],
      [other.containerId, other],
    ]),
  );
  return sandbox.names.links.flatMap((link) => {
    const [target = "", alias = target] = link.split(":");
    const other = byName.get(target.replace(/^\//, ""));
    const address = other?.endpoints.find(({ networkId }) => networks.has(networkId))?.ipv4?.address;
    if (other === undefined || address === undefined) return [];
    return [{ address, names: [...new Set([alias, other.hostname, other.containerName])] }];
  });
}

function resolvConfFor(sandbox: SandboxRecord): string {
  const host = hostResolvConf();
  const { servers, search, options } = sandbox.names;
  const wanted = {
    search: search.length > 0 ? search.filter((domain) => domain !== ".") : host.search,
    options: options.length > 0 ? options : host.options,
  };
  if (needsResolver(sandbox)) {
    const hasNdots = options.some((option) => option.startsWith("ndots:"));
    const kept = wanted.options.filter((option) => hasNdots || !option.startsWith("ndots:"));
    return renderResolvConf(
      {
        servers: [RESOLVER_ADDRESS],
        search: wanted.search,
        // Names without dots are ours: ask for them as they are first.
        options: hasNdots ? kept : [...kept, "ndots:0"],
      },
      [
        ...notesOf(sandbox, "internal resolver"),
        `ExtServers: [${(servers.length > 0 ? servers : host.servers.map((server) => `host(${server})`)).join(" ")}]`,
      ],
    );
  }
  const hasIpv6 = sandbox.endpoints.some(({ ipv6 }) => ipv6 !== undefined);
  const reachable = servers.length > 0 ? servers : reachableServers(host, hasIpv6);
  const isOffline = sandbox.endpoints.every(({ link }) => link === undefined);
  return renderResolvConf(
    { ...wanted, servers: reachable.length > 0 || isOffline ? reachable : PUBLIC_SERVERS },
    notesOf(sandbox, "legacy"),
  );
}

function notesOf(sandbox: SandboxRecord, kind: string): readonly string[] {
  const { servers, search, options } = sandbox.names;
  const overrides = Object.entries({ nameservers: servers, search, options })
    .filter(([, values]) => values.length > 0)
    .map(([name]) => name);
  return [`Based on host file: '/etc/resolv.conf' (${kind})`, `Overrides: [${overrides.join(" ")}]`];
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
