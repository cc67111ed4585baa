import { isIP } from "node:net";
import { RuntimeError } from "../index.ts";

/** `80`, `80/udp`, `8000-8002`; what would publish it (`[ip:]public:` in front) is read and left out. */
export interface PortSpec {
  readonly ip: string;
  readonly hostPort: string;
  readonly containerPort: string;
  /** As it is written; empty for TCP. */
  readonly protocol: string;
}

export function splitPort(text: string): PortSpec {
  const parts = text.split(":");
  const [containerPort = "", protocol = ""] = (parts.at(-1) ?? "").split(/\/(.*)/s);
  return { ip: parts.slice(0, -2).join(":"), hostPort: parts.at(-2) ?? "", containerPort, protocol };
}

/** `port/protocol` for each port of a word of EXPOSE. */
export function portsOf(text: string): readonly string[] {
  const { ip, hostPort, containerPort, protocol } = splitPort(text);
  if (containerPort === "") throw invalid(`invalid port: ${JSON.stringify(text)}: no port specified`);
  if (!/^(?:tcp|udp|sctp)?$/i.test(protocol))
    throw invalid(`invalid port: ${JSON.stringify(text)}: invalid proto: ${protocol}`);
  if (ip !== "" && isIP(ip.replace(/^\[(.*)\]$/, "$1")) === 0) throw invalid(`invalid IP address: ${ip}`);
  const [first, last] = rangeOf("container", containerPort);
  if (hostPort !== "") {
    const [hostFirst, hostLast] = rangeOf("host", hostPort);
    if (last !== first && last - first !== hostLast - hostFirst)
      throw invalid(
        `invalid ranges specified for container and host Ports: ${containerPort} and ${hostPort}`,
      );
  }
  const ending = `/${protocol.toLowerCase() || "tcp"}`;
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}${ending}`);
}

function rangeOf(side: "container" | "host", text: string): readonly [first: number, last: number] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (match === null || last > 65_535 || first > last) throw invalid(`invalid ${side}Port: ${text}`);
  return [first, last];
}

function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid", message);
}
