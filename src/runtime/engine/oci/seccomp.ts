import { RuntimeError } from "../../index.ts";
import defaultProfile from "./seccomp-profile.json" with { type: "json" };
import type { OciSeccomp, OciSyscallRule } from "./types.ts";

/** A profile as Docker's `--security-opt seccomp=FILE` takes it: rules with conditions. */
export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly archMap?: readonly {
    readonly architecture: string;
    readonly subArchitectures?: readonly string[];
  }[];
  readonly flags?: readonly string[];
  readonly listenerPath?: string;
  readonly syscalls?: readonly SeccompRule[];
}

export interface SeccompRule extends Omit<OciSyscallRule, "names"> {
  readonly names?: readonly string[];
  /** The old spelling of one name. */
  readonly name?: string;
  readonly includes?: RuleCondition;
  readonly excludes?: RuleCondition;
}

interface RuleCondition {
  readonly arches?: readonly string[];
  readonly caps?: readonly string[];
  readonly minKernel?: string;
}

export interface SeccompContext {
  readonly capabilities: readonly string[];
  /** As Go names it: `amd64`, `arm64`. */
  readonly architecture: string;
  /** `6.1.0-13-amd64`. */
  readonly kernelVersion: string;
  /**
   * Which system call tables the filter knows. Compiling it costs 18 ms CPU a start with all three of x86_64 and
   * 2 ms with the native one; a call through an unknown table kills the process, so `native` never lets more
   * through. See docs/decisions/0010-seccomp-architectures.md.
   */
  readonly tables: "native" | "all";
}

const NATIVE_TABLE: Readonly<Record<string, string>> = {
  amd64: "SCMP_ARCH_X86_64",
  "386": "SCMP_ARCH_X86",
  arm64: "SCMP_ARCH_AARCH64",
  arm: "SCMP_ARCH_ARM",
  s390x: "SCMP_ARCH_S390X",
  ppc64le: "SCMP_ARCH_PPC64LE",
  riscv64: "SCMP_ARCH_RISCV64",
};

/** Docker's own profile (data, its source is noted in it). */
export const DEFAULT_SECCOMP_PROFILE: SeccompProfile = defaultProfile;

/** The profile with its conditions decided, as the OCI runtime takes it. */
export function resolveSeccomp(profile: SeccompProfile, context: SeccompContext): OciSeccomp {
  const architectures = profile.architectures ?? tables(profile, context);
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    ...(architectures.length === 0 ? {} : { architectures }),
    ...(profile.flags === undefined ? {} : { flags: profile.flags }),
    ...(profile.listenerPath === undefined ? {} : { listenerPath: profile.listenerPath }),
    syscalls: (profile.syscalls ?? []).filter((rule) => applies(rule, context)).map(toOciRule),
  };
}

function tables(profile: SeccompProfile, { architecture, tables }: SeccompContext): readonly string[] {
  const native = NATIVE_TABLE[architecture];
  if (native === undefined) return [];
  if (tables === "native") return [native];
  const entry = profile.archMap?.find((candidate) => candidate.architecture === native);
  return [native, ...(entry?.subArchitectures ?? [])];
}

function applies({ includes, excludes }: SeccompRule, context: SeccompContext): boolean {
  const { capabilities, architecture, kernelVersion } = context;
  if (includes?.arches !== undefined && !includes.arches.includes(architecture)) return false;
  if (includes?.caps !== undefined && !includes.caps.every((cap) => capabilities.includes(cap))) return false;
  if (includes?.minKernel !== undefined && isOlder(kernelVersion, includes.minKernel)) return false;
  if (excludes?.arches?.includes(architecture)) return false;
  if (excludes?.caps?.some((cap) => capabilities.includes(cap))) return false;
  if (excludes?.minKernel !== undefined && !isOlder(kernelVersion, excludes.minKernel)) return false;
  return true;
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  const [wantMajor = 0, wantMinor = 0] = than.split(".").map((part) => Number.parseInt(part, 10));
  return major < wantMajor || (major === wantMajor && minor < wantMinor);
}

function toOciRule(rule: SeccompRule): OciSyscallRule {
  return {
    names: rule.names ?? (rule.name === undefined ? [] : [rule.name]),
    action: rule.action,
    ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
    ...(rule.args === undefined || rule.args.length === 0 ? {} : { args: rule.args }),
  };
}

/** A profile given as JSON text; `invalid` when it is none. Null means absent, as Go writes it. */
export function parseSeccompProfile(text: string): SeccompProfile {
  let value: unknown;
  try {
    value = JSON.parse(text, (_, field) => (field === null ? undefined : field));
  } catch (cause) {
    throw new RuntimeError("invalid", "Decoding seccomp profile failed", { cause });
  }
  if (!isProfile(value))
    throw new RuntimeError("invalid", "Decoding seccomp profile failed: it names no defaultAction");
  return value;
}

function isProfile(value: unknown): value is SeccompProfile {
  if (typeof value !== "object" || value === null) return false;
  if (!("defaultAction" in value) || typeof value.defaultAction !== "string") return false;
  const rules = "syscalls" in value ? value.syscalls : undefined;
  return rules === undefined || (Array.isArray(rules) && rules.every(isRule));
}

function isRule(rule: unknown): boolean {
  if (typeof rule !== "object" || rule === null || !("action" in rule)) return false;
  if (typeof rule.action !== "string") return false;
  return "name" in rule || ("names" in rule && Array.isArray(rule.names));
}
