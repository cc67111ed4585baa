import { PassThrough } from "node:stream";
import { programEnv, runProgram } from "../oci/run-program.ts";
import type { ExecRequest, RawExec } from "./exec-process.ts";

const DEFAULT_SIZE = { rows: 24, columns: 80 };

/** `exec` of the OCI runtime with a terminal of ours around it: sizes and signals go through both. */
export async function spawnInTerminal(
  file: string,
  args: readonly string[],
  { consoleSize = DEFAULT_SIZE, stdout }: ExecRequest,
): Promise<RawExec> {
  const { rows, columns } = isEmpty(consoleSize) ? DEFAULT_SIZE : consoleSize;
  // Most daemons never need it, and it is loaded from its own package, which outlives a rebuild of ours.
  const { spawn } = await import("@lydell/node-pty");
  const pty = spawn(file, [...args], {
    name: "xterm",
    rows,
    cols: columns,
    env: programEnv({ TERM: "xterm" }),
    encoding: null,
  });
  const output = new PassThrough();
  // With encoding null the data are buffers, whatever the types say.
  pty.onData((data: string | Uint8Array) => {
    if (stdout && !output.write(data)) {
      pty.pause();
      output.once("drain", () => pty.resume());
    }
  });
  const exited = new Promise<number>((resolve) => {
    pty.onExit(({ exitCode, signal }) => {
      output.end();
      resolve(signal ? 128 + signal : exitCode);
    });
  });
  return {
    streams: [{ stream: "stdout", readable: output }],
    exited,
    // It takes bytes as well, whatever the types say.
    write: async (data) => pty.write(Buffer.from(data) as unknown as string),
    // A terminal has no end of input: that is a character.
    end: () => {},
    resize: (size) => {
      if (!isEmpty(size)) pty.resize(size.columns, size.rows);
    },
    kill: () => pty.kill("SIGKILL"),
  };
}

/**
 * The size of the terminal that a process inside a container has as its input, for an OCI runtime that does not pass
 * on the size of the terminal around it. Of a process that has gone or has no terminal a no-op.
 */
export async function resizeTerminalOf(
  pid: number,
  size: { readonly rows: number; readonly columns: number },
): Promise<void> {
  if (pid === 0 || isEmpty(size)) return;
  const { rows, columns } = size;
  await runProgram("stty", [
    ...["-F", `/proc/${pid}/fd/0`],
    ...["rows", String(rows), "cols", String(columns)],
  ]).catch(() => {});
}

function isEmpty({ rows, columns }: { readonly rows: number; readonly columns: number }): boolean {
  return rows <= 0 || columns <= 0;
}
