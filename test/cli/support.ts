import { Readable } from "node:stream";
import type { CliIo } from "../../src/cli/io.ts";
import { main } from "../../src/cli/program.ts";

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One command line in this process, its streams kept. */
export async function runCli(
  args: readonly string[],
  options: Partial<Pick<CliIo, "env" | "cwd" | "uid">> & { readonly stdin?: string } = {},
): Promise<Ended> {
  const said = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({
    write: (data: string | Uint8Array) => {
      said[name] += typeof data === "string" ? data : Buffer.from(data).toString("utf8");
      return true;
    },
  });
  const code = await main(args, {
    env: options.env ?? {},
    cwd: options.cwd ?? "/",
    uid: options.uid ?? 0,
    stdin: Readable.from([options.stdin ?? ""]),
    stdout: output("stdout"),
    stderr: output("stderr"),
  });
  return { code, ...said };
}
