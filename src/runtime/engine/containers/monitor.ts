import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { isMissing, readFileIfThere } from "../../../lib/atomic-file.ts";
import { RuntimeError } from "../../index.ts";
import { type Program, spawnProgram } from "../host/index.ts";
import { lastLoggedError, startError } from "../oci/failure.ts";
import type { OciRuntime } from "../oci/oci-runtime.ts";
import { programEnv } from "../oci/run-program.ts";

export interface MonitorRequest {
  readonly id: string;
  readonly name: string;
  readonly bundleDir: string;
  readonly exitsDir: string;
  readonly logPath: string;
  readonly isTty: boolean;
  readonly hasStdin: boolean;
  /** Keep the process's stdin open when a client of the attach socket goes. */
  readonly keepsStdinOpen: boolean;
  readonly monitorPath: string;
  readonly oci: OciRuntime;
  /** First argument of the process, for what is said when it cannot be started. */
  readonly program: string;
}

/** The OCI runtime reads files of the image, and some can be made to be waited for. */
const CREATE_MS = 120_000;

export interface MonitoredProcess {
  readonly pid: number;
  readonly monitorPid: number;
  /** Resolves when the monitor has ended, whether the container had or not. */
  readonly gone: Promise<void>;
}

/**
 * Has conmon make the container (runc create) and stay with it: it holds the pipes, writes the log, and puts
 * the exit code into `exitsDir/<id>`. It is nobody's child of ours and outlives us. Rejects with Docker's
 * wording when the container cannot be made, with `timeout` when it is not made in time; what is left of it
 * then is the caller's to kill.
 */
export async function startMonitor(request: MonitorRequest): Promise<MonitoredProcess> {
  const { bundleDir, monitorPath } = request;
  const child = spawnProgram(monitorPath, monitorArgs(request), {
    // conmon leaves an `oom` file in its working directory.
    cwd: bundleDir,
    stdio: ["ignore", "ignore", "ignore", "pipe"],
    env: programEnv({ _OCI_SYNCPIPE: "3" }),
  });
  const pipe = child.stdio[3] as Readable | null;
  const forked = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const pid = await createdPid(child, pipe, request);
  // Our child writes the pid of the one it forks, and ends; that one may have made the container before.
  await forked;
  // conmon keeps its end of the pipe for as long as it lives.
  const gone = new Promise<void>((resolve) => pipe?.once("close", resolve));
  pipe?.resume();
  (pipe as (Readable & { unref?: () => void }) | null)?.unref?.();
  return { pid, monitorPid: Number(await readFile(join(bundleDir, "conmon.pid"), "utf8")), gone };
}

function monitorArgs(request: MonitorRequest): readonly string[] {
  const { id, name, bundleDir, exitsDir, logPath, isTty, hasStdin, keepsStdinOpen, oci } = request;
  const runtimeArgs = ["--root", oci.stateDir, "--log", join(bundleDir, "oci.log"), "--log-format=json"];
  return [
    ...["--api-version", "1", "-c", id, "-u", id, "-n", name],
    ...["-r", oci.path, "-b", bundleDir],
    ...["-p", join(bundleDir, "pid"), "-P", join(bundleDir, "conmon.pid")],
    ...["-l", `k8s-file:${logPath}`, "--log-level", "error", "--no-sync-log"],
    ...["--exit-dir", exitsDir, "--persist-dir", bundleDir, "--full-attach"],
    ...runtimeArgs.flatMap((word) => ["--runtime-arg", word]),
    ...(hasStdin ? ["-i"] : []),
    ...(hasStdin && keepsStdinOpen ? ["--leave-stdin-open"] : []),
    ...(isTty ? ["-t"] : []),
  ];
}

async function createdPid(
  child: Program,
  pipe: Readable | null,
  { bundleDir, program, oci }: MonitorRequest,
): Promise<number> {
  const line = await firstLine(child, pipe);
  const answer = parseAnswer(line);
  if (answer.pid > 0) return answer.pid;
  const logged = lastLoggedError((await readFileIfThere(join(bundleDir, "oci.log"))) ?? "");
  const message = logged ?? answer.message ?? "the monitor ended without a word";
  throw startError({ runtimeName: oci.name, program, message });
}

/** `pipe`: null of a program that was not started. */
function firstLine(child: Program, pipe: Readable | null): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new RuntimeError("unavailable", "Cannot start conmon: is it installed?", { cause })),
    );
    if (pipe === null) return;
    let text = "";
    const late = `Cannot make the container: the OCI runtime did not finish in ${CREATE_MS / 1000} s`;
    const timer = setTimeout(() => reject(new RuntimeError("timeout", late)), CREATE_MS).unref();
    pipe.once("close", () => clearTimeout(timer));
    pipe.on("data", (chunk: Buffer) => {
      clearTimeout(timer);
      text += chunk.toString("utf8");
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    pipe.once("close", () => resolve(text));
    pipe.once("error", reject);
  });
}

function parseAnswer(line: string): { readonly pid: number; readonly message?: string } {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || !("data" in value)) return { pid: -1 };
    const message = "message" in value && typeof value.message === "string" ? value.message : undefined;
    return { pid: Number(value.data), ...(message === undefined ? {} : { message }) };
  } catch {
    return { pid: -1 };
  }
}

/** When a process started, in clock ticks since the boot; undefined when it is gone or a zombie. */
export function startTicks(pid: number): string | undefined {
  const stat = readProc(pid, "stat");
  if (stat === undefined) return undefined;
  // The name in brackets may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

/** Whether a conmon with this pid is there. Who cannot look (no file descriptor is free) takes none for dead. */
export function isMonitorAlive(pid: number): boolean {
  try {
    return startTicks(pid) !== undefined && readProc(pid, "comm")?.trim() === "conmon";
  } catch {
    return true;
  }
}

/** Undefined of a process that is gone. */
function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch (error) {
    if (isMissing(error) || (error instanceof Error && "code" in error && error.code === "ESRCH"))
      return undefined;
    throw error;
  }
}

let knownBootId: string | undefined;

/** Another after each boot. */
export function bootId(): string {
  knownBootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return knownBootId;
}
