import { RuntimeError } from "../../index.ts";
import { parseSeccompProfile, type SeccompProfile } from "./seccomp.ts";

export interface SecurityChoice {
  readonly noNewPrivileges: boolean;
  /** `default`: Docker's profile; `builtin`: the same, asked for by name, with every system call table. */
  readonly seccomp: "default" | "builtin" | "unconfined" | SeccompProfile;
}

/** Docker's `--security-opt` values: `key=value`, or `key:value` as older clients write; `invalid` for unknown ones. */
export function parseSecurityOptions(options: readonly string[] = []): SecurityChoice {
  let choice: SecurityChoice = { noNewPrivileges: false, seccomp: "default" };
  for (const option of options) choice = { ...choice, ...parseOption(option) };
  return choice;
}

export function splitOption(option: string): readonly [key: string, value: string | undefined] {
  const cut = option.search(/[=:]/);
  return cut < 0 ? [option, undefined] : [option.slice(0, cut), option.slice(cut + 1)];
}

function parseOption(option: string): Partial<SecurityChoice> {
  const [key, value] = splitOption(option);
  switch (key) {
    case "no-new-privileges":
      return { noNewPrivileges: parseBoolean(value ?? "true", option) };
    case "seccomp":
      return { seccomp: seccompChoice(value ?? "") };
    // See apparmor.ts, which looks for nothing else.
    case "apparmor":
    // SELinux labels and Docker's own writing of `systempaths`: nothing to do on a kernel without labels.
    case "label":
    case "systempaths":
    case "writable-cgroups":
      return {};
    default:
      throw new RuntimeError("invalid", `invalid --security-opt 2: "${option}"`);
  }
}

function seccompChoice(value: string): SecurityChoice["seccomp"] {
  if (value === "unconfined" || value === "builtin") return value;
  return parseSeccompProfile(value);
}

function parseBoolean(value: string, option: string): boolean {
  if (["1", "t", "true", "TRUE", "True"].includes(value)) return true;
  if (["0", "f", "false", "FALSE", "False"].includes(value)) return false;
  throw new RuntimeError(
    "invalid",
    `invalid --security-opt: "${option}": ${value} is neither true nor false`,
  );
}
