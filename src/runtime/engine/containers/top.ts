import { RuntimeError } from "../../index.ts";
import { runProgram } from "../oci/run-program.ts";
import { announce } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { isAlive } from "./record.ts";

/** See `Containers.top`. */
export async function topOf(
  ctx: ContainersContext,
  nameOrId: string,
  args = "-ef",
): Promise<{ readonly titles: readonly string[]; readonly processes: readonly (readonly string[])[] }> {
  const container = ctx.table.find(nameOrId);
  const { run, record } = container;
  if (run === undefined || !isAlive(record.state))
    throw new RuntimeError("conflict", `container ${record.id} is not running`);
  const pids = new Set(ctx.cgroups.processes(run.cgroupsPath));
  const { stdout, stderr, exitCode } = await runProgram("ps", args.split(/\s+/).filter(Boolean));
  if (exitCode !== 0) throw new RuntimeError("internal", `ps: ${stderr.trim().split("\n")[0] ?? ""}`);
  announce(ctx, container, "top");
  return processesOf(stdout, pids);
}

/** The lines of ps(1) that are about one of `pids`; the last column takes the rest of the line. */
export function processesOf(output: string, pids: ReadonlySet<number>) {
  const [header = "", ...lines] = output.split("\n").filter((line) => line.trim() !== "");
  const titles = header.trim().split(/\s+/);
  const pidColumn = titles.indexOf("PID");
  if (pidColumn < 0) throw new RuntimeError("internal", "Couldn't find PID field in ps output");
  const processes = lines
    .map((line) => columnsOf(line, titles.length))
    .filter((columns) => pids.has(Number(columns[pidColumn])));
  return { titles, processes };
}

function columnsOf(line: string, count: number): readonly string[] {
  const words = line.trim().split(/\s+/);
  return [...words.slice(0, count - 1), words.slice(count - 1).join(" ")];
}
