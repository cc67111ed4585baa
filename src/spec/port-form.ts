export interface ShortPort {
  readonly hostIp: string;
  readonly target: number;
  /** A port or a range; empty for any free port. */
  readonly published: string;
  readonly protocol: string;
}

type Wrong = { readonly wrong: string };

/**
 * `[[ip:]published:]target[/protocol]`, ports or ranges; a range of targets becomes one entry each, ordered as text.
 * Facts from go-connections 0.6, nat.
 */
export function parsePort(spec: string): readonly ShortPort[] | Wrong {
  const parts = spec.split(":");
  const container = parts.at(-1) ?? "";
  const hostText = parts.at(-2) ?? "";
  const ip = parseHostIp(parts.slice(0, -2).join(":"));
  if (typeof ip === "object") return ip;
  const { ports, protocol } = splitProtocol(container);
  if (ports === "") return { wrong: `"${spec}" names no port of the container` };
  const target = parseRange(ports);
  if (target === undefined || target[0] === 0)
    return { wrong: `"${ports}" is no port of the container (1 to 65535), nor a range` };
  const host = hostText === "" ? undefined : parseRange(hostText);
  if (hostText !== "" && host === undefined)
    return { wrong: `"${hostText}" is no host port (0 to 65535), nor a range` };
  if (!["tcp", "udp", "sctp"].includes(protocol))
    return { wrong: `"${protocol}" is no protocol: tcp, udp or sctp` };
  const [first, last] = target;
  const isRange = last > first;
  if (host !== undefined && isRange && host[1] - host[0] !== last - first) {
    return { wrong: `the ranges ${hostText} and ${ports} differ in length` };
  }
  const found: ShortPort[] = [];
  for (let port = first; port <= last; port += 1) {
    const published = host === undefined ? "" : publishedText(host, port - first, isRange);
    found.push({ hostIp: ip, target: port, published, protocol });
  }
  return found.sort((a, b) => (String(a.target) < String(b.target) ? -1 : 1));
}

function publishedText([first, last]: readonly [number, number], step: number, isRange: boolean): string {
  return isRange || first === last ? String(first + step) : `${first}-${last}`;
}

function splitProtocol(text: string): { readonly ports: string; readonly protocol: string } {
  const [ports = "", protocol = ""] = text.split("/");
  if (ports === "") return { ports: "", protocol: "" };
  return { ports, protocol: protocol === "" ? "tcp" : protocol.toLowerCase() };
}

function parseHostIp(text: string): string | Wrong {
  if (text === "") return "";
  const bracketed = /^\[(.*)\]$/.exec(text)?.[1];
  if (bracketed === undefined && text.includes(":")) {
    return { wrong: `"${text}" is no address: put an IPv6 address in brackets` };
  }
  const address = bracketed ?? text;
  if (address === "") return "";
  return isIpAddress(address) ? address : { wrong: `"${address}" is no IP address` };
}

function parseRange(text: string): readonly [number, number] | undefined {
  const dash = text.indexOf("-");
  if (dash < 0) {
    const port = parsePortNumber(text);
    return port === undefined ? undefined : [port, port];
  }
  const parts = text.split("-");
  const first = parsePortNumber(parts[0] ?? "");
  const last = parsePortNumber(parts[1] ?? "");
  return first === undefined || last === undefined || last < first ? undefined : [first, last];
}

function parsePortNumber(text: string): number | undefined {
  if (!/^[0-9]{1,20}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65535 ? port : undefined;
}

export function isIpAddress(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return (
    parts.length === 4 && parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255)
  );
}

function isIpv6(text: string): boolean {
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text) || text.includes(":::")) return false;
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1);
  const hasIpv4 = last?.includes(".") ?? false;
  const hex = hasIpv4 ? groups.slice(0, -1) : groups;
  if (!hex.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  if (hasIpv4 && !isIpv4(last ?? "")) return false;
  const count = hex.length + (hasIpv4 ? 2 : 0);
  return halves.length === 2 ? count <= 7 : count === 8;
}
