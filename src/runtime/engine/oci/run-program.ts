import type { Readable } from "node:stream";
import { RuntimeError } from "../../index.ts";
import { type Program, spawnProgram } from "../host/index.ts";

export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program's answer is a few lines; more than this is cut off rather than kept in memory. */
const MAX_OUTPUT_BYTES = 4 << 20;

/** Runs a program to its end with nothing on stdin. `unavailable` when it cannot be started at all. */
export function runProgram(file: string, args: readonly string[]): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawnProgram(file, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: programEnv(),
    });
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.on("error", (cause) => reject(new RuntimeError("unavailable", `Cannot run ${file}`, { cause })));
    child.on("close", (code) => resolve({ exitCode: code ?? 255, stdout: stdout(), stderr: stderr() }));
  });
}

/** What it ended with: 126 when it could not be started at all, 137 when a signal ended it. */
export function exitCodeOf(child: Program): Promise<number> {
  return new Promise((resolve) => {
    child.once("error", () => resolve(126));
    child.once("exit", (code, signal) => resolve(code ?? (signal === null ? 255 : 137)));
  });
}

/** What the engine's own programs see of our environment: where to find each other, and one time zone. */
export function programEnv(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin", TZ: "UTC", LC_ALL: "C", ...more };
}

function collect(stream: Readable | null): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_OUTPUT_BYTES) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}
