import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { DaemonPaths } from "../../daemon/client.ts";
import type { CliIo } from "../io.ts";

/** What one look at the machine brought. */
export interface Finding {
  readonly id: string;
  /** What was looked at, in a few words. */
  readonly title: string;
  /** `error`: `up` cannot work. `warning`: it works, with less. */
  readonly status: "ok" | "warning" | "error";
  /** What is there. */
  readonly found: string;
  /** What is wrong with it. */
  readonly problem?: string;
  /** The command that mends it. */
  readonly fix?: string;
}

export interface DoctorContext {
  readonly io: CliIo;
  readonly paths: DaemonPaths;
  readonly installer: Installer;
}

export type Check = (context: DoctorContext) => Promise<readonly Finding[]>;

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. A missing one is code 127. */
export async function run(program: string, args: readonly string[]): Promise<Output> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, [...args], {
      timeout: 15_000,
      env: { ...process.env, LC_ALL: "C", PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const failed = error as { code?: unknown; stdout?: string; stderr?: string; message: string };
    return {
      code: typeof failed.code === "number" ? failed.code : failed.code === "ENOENT" ? 127 : 1,
      stdout: failed.stdout ?? "",
      stderr: failed.stderr ?? failed.message,
    };
  }
}

export async function textOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}

/** How this distribution installs packages. */
export interface Installer {
  /** The command for programs named as Debian's packages are. */
  command(...packages: readonly string[]): string;
}

export async function findInstaller(): Promise<Installer> {
  const release = await textOf("/etc/os-release");
  const like = `${/^ID=(.*)$/m.exec(release)?.[1] ?? ""} ${/^ID_LIKE=(.*)$/m.exec(release)?.[1] ?? ""}`;
  const prefix = /debian|ubuntu/.test(like)
    ? "apt-get install -y"
    : /fedora|rhel|centos/.test(like)
      ? "dnf install -y"
      : /suse/.test(like)
        ? "zypper install -y"
        : /arch/.test(like)
          ? "pacman -S --noconfirm"
          : /alpine/.test(like)
            ? "apk add"
            : "install the package";
  return { command: (...packages) => `${prefix} ${packages.join(" ")}` };
}

/** `1.1.5` of `runc version 1.1.5+ds1`. */
export function versionIn(text: string): string | undefined {
  return /\d+(?:\.\d+)+/.exec(text)?.[0];
}
