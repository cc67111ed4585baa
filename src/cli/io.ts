import type { Environment } from "../daemon/client.ts";

export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(data: string | Uint8Array): boolean;
  /** The reader is behind: `drain` tells when it has caught up. */
  readonly writableNeedDrain?: boolean;
  once?(event: "drain" | "close", listener: () => void): unknown;
}

export interface Input extends NodeJS.ReadableStream {
  readonly isTTY?: boolean;
  setRawMode?(mode: boolean): unknown;
}

/** The process around a command: the only way out for what it says, and in for what it reads. */
export interface CliIo {
  readonly env: Environment;
  readonly cwd: string;
  readonly uid: number;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
}

export function processIo(): CliIo {
  return {
    env: process.env,
    cwd: process.cwd(),
    uid: process.getuid?.() ?? 1,
    // Opened on first use: a command that reads nothing leaves the terminal alone.
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
  };
}
