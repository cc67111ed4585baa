import { type PortBinding, type PublishedPort, RuntimeError } from "../../index.ts";
import type { SandboxRequest } from "../parts.ts";
import type { BridgeOptions } from "./bridge-options.ts";
import type { PortRecord } from "./sandbox-record.ts";

/** What a container wants published: its bindings, and with "publish all" every exposed port besides. Pure. */
export function bindingsOf(
  request: SandboxRequest,
  network: BridgeOptions | undefined,
): readonly PortBinding[] {
  const chosen = request.spec.ports ?? [];
  const has = (port: PublishedPort): boolean =>
    chosen.some(
      ({ containerPort, protocol }) => containerPort === port.containerPort && protocol === port.protocol,
    );
  const all =
    request.spec.publishAllPorts === true
      ? request.exposedPorts.flatMap(parseExposedPort).filter((port) => !has(port))
      : [];
  return [...chosen, ...all].map((binding) => withDefaultAddress(binding, network));
}

/** Every port for `ps` and `inspect`: the published ones, then what is only exposed. */
export function publishedPorts(
  exposed: readonly string[],
  held: readonly PortRecord[],
): readonly PublishedPort[] {
  const isHeld = (port: PublishedPort): boolean =>
    held.some(
      ({ containerPort, protocol }) => containerPort === port.containerPort && protocol === port.protocol,
    );
  return [...held, ...exposed.flatMap(parseExposedPort).filter((port) => !isHeld(port))];
}

/** `80/tcp`, `80`, `3000-3005/udp`. */
export function parseExposedPort(text: string): readonly PublishedPort[] {
  const [, first, last = first, protocol = "tcp"] =
    /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
  const [start, end] = [Number(first), Number(last)];
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") return [];
  if (!(start >= 1 && end >= start && end <= 65_535))
    throw new RuntimeError("invalid", `invalid exposed port "${text}"`);
  return Array.from({ length: end - start + 1 }, (_, index) => ({ containerPort: start + index, protocol }));
}

/** A network may say on which address its members publish where they do not. */
function withDefaultAddress(binding: PortBinding, network: BridgeOptions | undefined): PortBinding {
  const chosen = network?.hostBindingIpv4 ?? network?.hostBindingIpv6;
  const hostIp = chosen === "0.0.0.0" ? undefined : chosen;
  const isOpen = binding.hostIp === undefined || binding.hostIp === "";
  return isOpen && hostIp !== undefined ? { ...binding, hostIp } : binding;
}
