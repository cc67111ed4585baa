import { compact } from "../../lib/compact.ts";
import { type PortBinding, type Protocol, type PublishedPort, RuntimeError } from "../index.ts";
import type { WireObject } from "./wire-object.ts";

interface WirePortBinding {
  readonly HostIp: string;
  readonly HostPort: string;
}

/** `80/tcp`; without a protocol it is tcp. */
export function parsePort(text: string): { readonly containerPort: number; readonly protocol: Protocol } {
  const [number, protocol = "tcp"] = text.split("/");
  const containerPort = Number(number);
  if (!/^\d{1,5}$/.test(number ?? "") || containerPort > 65_535 || !isProtocol(protocol))
    throw new RuntimeError("invalid", `invalid port specification: "${text}"`);
  return { containerPort, protocol };
}

function isProtocol(text: string): text is Protocol {
  return text === "tcp" || text === "udp" || text === "sctp";
}

/** `HostConfig.PortBindings`. A port with an empty list is published on any free port. */
export function portBindingsFromWire(host: WireObject): readonly PortBinding[] {
  return host.listMembers("PortBindings").flatMap(([name, bindings]) => {
    const port = parsePort(name);
    if (bindings.length === 0) return [port];
    return bindings.map((binding) =>
      compact<PortBinding>({
        ...port,
        hostIp: binding.filled("HostIp"),
        hostPort: parseHostPort(binding.text("HostPort") ?? ""),
      }),
    );
  });
}

function parseHostPort(text: string): PortBinding["hostPort"] | undefined {
  if (text === "" || text === "0") return undefined;
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || last > 65_535 || first > last)
    throw new RuntimeError("invalid", `invalid port specification: "${text}"`);
  return match[2] === undefined ? first : { first, last };
}

export function portBindingsToWire(
  ports: readonly PortBinding[] | undefined,
): Readonly<Record<string, readonly WirePortBinding[]>> {
  return grouped(ports ?? [], ({ hostIp, hostPort }) => ({
    HostIp: hostIp ?? "",
    HostPort:
      hostPort === undefined
        ? ""
        : typeof hostPort === "number"
          ? String(hostPort)
          : `${hostPort.first}-${hostPort.last}`,
  }));
}

/** `NetworkSettings.Ports`: null for what is exposed and not published. */
export function publishedPortsToWire(
  ports: readonly PublishedPort[],
): Readonly<Record<string, readonly WirePortBinding[] | null>> {
  const published = grouped(
    ports.filter((port) => port.hostPort !== undefined),
    ({ hostIp, hostPort }) => ({ HostIp: hostIp ?? "0.0.0.0", HostPort: String(hostPort) }),
  );
  return Object.fromEntries(ports.map((port) => [nameOf(port), published[nameOf(port)] ?? null]));
}

export function publishedPortsFromWire(settings: WireObject): readonly PublishedPort[] {
  return settings.listMembers("Ports").flatMap(([name, bindings]) => {
    const port = parsePort(name);
    if (bindings.length === 0) return [port];
    return bindings.map((binding) => ({
      ...port,
      hostIp: binding.text("HostIp") ?? "",
      hostPort: Number(binding.text("HostPort")),
    }));
  });
}

/** The `Ports` of a line of the list: one entry for each address. */
export function portListToWire(
  ports: readonly PublishedPort[],
): readonly Readonly<Record<string, unknown>>[] {
  return ports.map((port) =>
    compact<Record<string, unknown>>({
      IP: port.hostIp,
      PrivatePort: port.containerPort,
      PublicPort: port.hostPort,
      Type: port.protocol,
    }),
  );
}

export function portListFromWire(ports: readonly WireObject[]): readonly PublishedPort[] {
  return ports.map((port) => {
    const protocol = port.text("Type") ?? "tcp";
    return compact<PublishedPort>({
      containerPort: port.number("PrivatePort") ?? 0,
      protocol: isProtocol(protocol) ? protocol : "tcp",
      hostIp: port.filled("IP"),
      hostPort: port.amount("PublicPort"),
    });
  });
}

function nameOf(port: { readonly containerPort: number; readonly protocol: Protocol }): string {
  return `${port.containerPort}/${port.protocol}`;
}

function grouped<P extends { readonly containerPort: number; readonly protocol: Protocol }>(
  ports: readonly P[],
  toWire: (port: P) => WirePortBinding,
): Record<string, WirePortBinding[]> {
  const groups = new Map<string, WirePortBinding[]>();
  for (const port of ports) {
    const group = groups.get(nameOf(port)) ?? [];
    groups.set(nameOf(port), group);
    group.push(toWire(port));
  }
  return Object.fromEntries(groups);
}
