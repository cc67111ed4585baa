import { type Readable, Writable } from "node:stream";
import { RuntimeError } from "../../index.ts";
import { spawnProgram } from "../host/index.ts";

export interface Tool {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Rejects (`internal`) with what it wrote to stderr when it does not exit with 0. */
  readonly ended: Promise<void>;
  /** Kills it if it still runs. */
  stop(): void;
}

export const TOOL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const STDERR_LIMIT = 8192;

export interface ToolOptions {
  readonly signal?: AbortSignal | undefined;
  /** Read from there instead of `stdin`. */
  readonly inputFd?: number | undefined;
  /** Exit codes that are no failure; 0 when absent. */
  readonly goodCodes?: readonly number[];
}

/** Starts a program whose input and output we stream. */
export function startTool(command: readonly string[], options: ToolOptions = {}): Tool {
  const [program = "", ...args] = command;
  const goodCodes = options.goodCodes ?? [0];
  const child = spawnProgram(program, args, {
    stdio: [options.inputFd ?? "pipe", "pipe", "pipe"],
    env: { PATH: TOOL_PATH, LC_ALL: "C" },
    signal: options.signal,
  });
  let errors = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    if (errors.length < STDERR_LIMIT) errors += text;
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", (error) => {
      if (error.name === "AbortError") reject(error);
      else reject(new RuntimeError("internal", `Cannot run ${program}`, { cause: error }));
    });
    child.once("close", (code, signal) => {
      if (code !== null && goodCodes.includes(code)) resolve();
      else reject(failure(program, code, signal, errors));
    });
  });
  // Whoever awaits it sees it; a stream error may come first and leave nobody to.
  ended.catch(() => {});
  child.stdin?.on("error", () => {});
  if (child.stdout === null) throw new RuntimeError("internal", `Cannot run ${program}`);
  return {
    stdin: child.stdin ?? new Writable({ write: (_chunk, _encoding, done) => done() }),
    stdout: child.stdout,
    ended,
    stop: () => {
      child.kill("SIGKILL");
    },
  };
}

/** Whether a stream failed only because the other side stopped reading. */
export function isBrokenPipe(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "EPIPE" || code === "ERR_STREAM_PREMATURE_CLOSE" || code === "ECONNRESET";
}

function failure(
  program: string,
  code: number | null,
  signal: NodeJS.Signals | null,
  errors: string,
): RuntimeError {
  const how = code === null ? `was killed by ${signal}` : `exited with ${code}`;
  const said = errors.trim().split("\n").slice(0, 3).join("; ");
  return new RuntimeError("internal", `${program} ${how}${said === "" ? "" : `: ${said}`}`);
}
