import type { PortBinding, Protocol } from "../runtime/index.ts";
import { usageError } from "./cli-error.ts";

/** `-p [[ip:][host]:]container[/protocol]`, ranges included, as docker takes it. */
export function parsePort(text: string): readonly PortBinding[] {
  const match =
    /^(?:(?:(\[[^\]]+\]|[\d.]+|[^:/[\]]*[a-z.][^:/]*):)?(\d+(?:-\d+)?)?:)?(\d+(?:-\d+)?)(?:\/(tcp|udp|sctp))?$/i.exec(
      text,
    );
  const [, ip, host, container, protocol = "tcp"] = match ?? [];
  if (container === undefined)
    throw usageError(`Invalid port "${text}": it is [[IP:]HOST:]CONTAINER[/PROTOCOL]`);
  const inside = range(container, text);
  const outside = host === undefined ? undefined : range(host, text);
  const base = {
    protocol: protocol.toLowerCase() as Protocol,
    ...(ip !== undefined && { hostIp: ip.replace(/^\[|\]$/g, "") }),
  };
  if (outside === undefined) return inside.map((containerPort) => ({ ...base, containerPort }));
  if (outside.length === inside.length) {
    return inside.map((containerPort, index) => ({ ...base, containerPort, hostPort: outside[index] ?? 0 }));
  }
  const [containerPort] = inside;
  const [first] = outside;
  const last = outside.at(-1);
  if (inside.length > 1 || containerPort === undefined || first === undefined || last === undefined) {
    throw usageError(`Invalid port "${text}": the ranges are of different lengths`);
  }
  return [{ ...base, containerPort, hostPort: { first, last } }];
}

function range(text: string, whole: string): readonly number[] {
  const [first = 0, last = first] = text.split("-").map(Number);
  if (last < first || last > 65_535)
    throw usageError(`Invalid port "${whole}": ${text} is no range of ports`);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
