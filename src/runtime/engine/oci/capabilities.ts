import { RuntimeError } from "../../index.ts";

/** In the order of linux/capability.h: the index is the bit. */
const ALL_CAPABILITIES: readonly string[] = [
  "CHOWN",
  "DAC_OVERRIDE",
  "DAC_READ_SEARCH",
  "FOWNER",
  "FSETID",
  "KILL",
  "SETGID",
  "SETUID",
  "SETPCAP",
  "LINUX_IMMUTABLE",
  "NET_BIND_SERVICE",
  "NET_BROADCAST",
  "NET_ADMIN",
  "NET_RAW",
  "IPC_LOCK",
  "IPC_OWNER",
  "SYS_MODULE",
  "SYS_RAWIO",
  "SYS_CHROOT",
  "SYS_PTRACE",
  "SYS_PACCT",
  "SYS_ADMIN",
  "SYS_BOOT",
  "SYS_NICE",
  "SYS_RESOURCE",
  "SYS_TIME",
  "SYS_TTY_CONFIG",
  "MKNOD",
  "LEASE",
  "AUDIT_WRITE",
  "AUDIT_CONTROL",
  "SETFCAP",
  "MAC_OVERRIDE",
  "MAC_ADMIN",
  "SYSLOG",
  "WAKE_ALARM",
  "BLOCK_SUSPEND",
  "AUDIT_READ",
  "PERFMON",
  "BPF",
  "CHECKPOINT_RESTORE",
].map((name) => `CAP_${name}`);

/** What Docker gives a container that asks for nothing (measured on 28.5: 0xa80425fb). */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

/** The names of the bits of a mask as /proc/PID/status prints it. */
export function capabilitiesOfMask(hex: string): ReadonlySet<string> {
  const mask = BigInt(`0x${hex}`);
  return new Set(ALL_CAPABILITIES.filter((_, bit) => ((mask >> BigInt(bit)) & 1n) === 1n));
}

/** `net_admin`, `CAP_NET_ADMIN`, `ALL` in one spelling; `invalid` for a name that no kernel knows. */
export function normalCapability(name: string, field: "CapAdd" | "CapDrop"): string {
  const upper = name.toUpperCase();
  if (upper === "ALL" || upper === "CAP_ALL") return "ALL";
  const full = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (ALL_CAPABILITIES.includes(full)) return full;
  throw new RuntimeError("invalid", `invalid ${field}: unknown capability: "${full}"`);
}

export interface CapabilityRequest {
  readonly add?: readonly string[];
  readonly drop?: readonly string[];
  readonly isPrivileged?: boolean;
  /** What the machine lets us pass on. */
  readonly bounding: ReadonlySet<string>;
}

/** Docker's rules: `drop ALL` starts from nothing, `add ALL` from everything, else from the default set. */
export function resolveCapabilities(request: CapabilityRequest): readonly string[] {
  return chosen(request).filter((name) => request.bounding.has(name));
}

function chosen({ add = [], drop = [], isPrivileged = false }: CapabilityRequest): readonly string[] {
  if (isPrivileged) return ALL_CAPABILITIES;
  const added = add.map((name) => normalCapability(name, "CapAdd"));
  const dropped = new Set(drop.map((name) => normalCapability(name, "CapDrop")));
  if (dropped.has("ALL")) return added.includes("ALL") ? ALL_CAPABILITIES : [...new Set(added)];
  if (added.includes("ALL")) return ALL_CAPABILITIES.filter((name) => !dropped.has(name));
  return [...new Set([...DEFAULT_CAPABILITIES.filter((name) => !dropped.has(name)), ...added])];
}
