import { RuntimeError } from "../../index.ts";

/** What the options of a bridge network say, by Docker's names. */
export interface BridgeOptions {
  /** Absent: a name of ours. */
  readonly bridgeName: string | undefined;
  readonly mtu: number | undefined;
  /** Whether members may talk to each other directly. */
  readonly allowsInterContainer: boolean;
  readonly masquerades: boolean;
  readonly hostBindingIpv4: string | undefined;
  readonly hostBindingIpv6: string | undefined;
  readonly interfacePrefix: string;
  /** The bridge itself gets no address. */
  readonly inhibitsIpv4: boolean;
}

const PREFIX = "com.docker.network.";
const KNOWN = [
  "bridge.name",
  "bridge.enable_icc",
  "bridge.enable_ip_masquerade",
  "bridge.host_binding_ipv4",
  "bridge.host_binding_ipv6",
  "bridge.inhibit_ipv4",
  "bridge.gateway_mode_ipv4",
  "bridge.gateway_mode_ipv6",
  "bridge.default_bridge",
  "driver.mtu",
  "container_iface_prefix",
  "enable_ipv4",
  "enable_ipv6",
];
const MOST_NAME_CHARACTERS = 15;

/** `invalid` for a value that means nothing, `unsupported` for what this driver does not do. */
export function parseBridgeOptions(options: Readonly<Record<string, string>>): BridgeOptions {
  const get = (name: string): string | undefined => options[PREFIX + name] || undefined;
  for (const key of Object.keys(options))
    if (key.startsWith(PREFIX) && !KNOWN.includes(key.slice(PREFIX.length)))
      throw new RuntimeError("unsupported", `Cannot create network: driver option "${key}" is not supported`);
  for (const family of ["ipv4", "ipv6"]) {
    const mode = get(`bridge.gateway_mode_${family}`);
    if (mode !== undefined && mode !== "nat")
      throw new RuntimeError(
        "unsupported",
        `Cannot create network: gateway mode "${mode}" is not supported, "nat" is`,
      );
  }
  const bridgeName = get("bridge.name");
  if (bridgeName !== undefined && !isInterfaceName(bridgeName))
    throw new RuntimeError("invalid", `Cannot create network: "${bridgeName}" is no interface name`);
  return {
    bridgeName,
    mtu: mtuOf(get("driver.mtu")),
    allowsInterContainer: isOn("bridge.enable_icc", get("bridge.enable_icc"), true),
    masquerades: isOn("bridge.enable_ip_masquerade", get("bridge.enable_ip_masquerade"), true),
    hostBindingIpv4: get("bridge.host_binding_ipv4"),
    hostBindingIpv6: get("bridge.host_binding_ipv6"),
    interfacePrefix: get("container_iface_prefix") ?? "eth",
    inhibitsIpv4: isOn("bridge.inhibit_ipv4", get("bridge.inhibit_ipv4"), false),
  };
}

/** Options that are kept and shown, but mean nothing to this driver. */
export function unknownOptions(options: Readonly<Record<string, string>>): readonly string[] {
  return Object.keys(options).filter((key) => !key.startsWith(PREFIX));
}

export function isInterfaceName(name: string): boolean {
  return /^[^\s/:%"]+$/.test(name) && name.length <= MOST_NAME_CHARACTERS && name !== "." && name !== "..";
}

function mtuOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const mtu = Number(text);
  if (!/^\d+$/.test(text) || (mtu !== 0 && (mtu < 68 || mtu > 65_535)))
    throw new RuntimeError("invalid", `Cannot create network: "${text}" is no MTU`);
  return mtu === 0 ? undefined : mtu;
}

function isOn(name: string, text: string | undefined, fallback: boolean): boolean {
  if (text === undefined) return fallback;
  if (["true", "1", "t", "T", "TRUE", "True"].includes(text)) return true;
  if (["false", "0", "f", "F", "FALSE", "False"].includes(text)) return false;
  throw new RuntimeError(
    "invalid",
    `Cannot create network: option ${PREFIX}${name} must be true or false, is "${text}"`,
  );
}
