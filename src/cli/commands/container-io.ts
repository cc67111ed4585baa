import type { Readable } from "node:stream";
import type { Command } from "commander";
import { type LogEntry, logDetails } from "../../runtime/index.ts";
import type { CliCommand } from "../cli-command.ts";
import { usageError } from "../cli-error.ts";
import { linesOf } from "../container-flags.ts";
import type { Context } from "../context.ts";
import { copyIn, copyOut } from "../copy-files.ts";
import { isCancelled } from "../follow-stack.ts";
import { noFlag, repeated } from "../globals.ts";
import { interruptSignal } from "../interrupt.ts";
import { timedHeads } from "../render/line-heads.ts";
import { writeAll } from "../terminal-session.ts";
import { momentNs } from "../time-option.ts";
import { attachTo } from "./attach.ts";
import { splitPlace } from "./cp.ts";
import { type ExecRequest, execIn } from "./exec.ts";
import { writeArchive } from "./export.ts";

export const containerExec: CliCommand = {
  usage: "<container> <command> [args...]",
  summary: "Run a command in a running container",
  hasForeignArguments: true,
  declare: (command: Command) =>
    command
      .option("-d, --detach", "in the background")
      .option("--detach-keys <keys>", "keys that let go of the process")
      .addOption(repeated("-e, --env <key=value>", "set a variable; KEY alone takes ours"))
      .addOption(repeated("--env-file <file>", "set variables from a file"))
      .option("-i, --interactive", "keep stdin open")
      .option("--privileged", "with all capabilities")
      .option("-t, --tty", "with a terminal")
      .option("-u, --user <user>", "run as this user")
      .option("-w, --workdir <path>", "run in this folder"),
  run: async (
    context: Context,
    [id = "", ...command]: readonly string[],
    { envFile, ...flags }: Omit<ExecRequest, "command"> & { readonly envFile: readonly string[] },
  ) =>
    execIn(context, await context.runtime(), id, {
      ...flags,
      env: [...(await linesOf(envFile, context.io.cwd)), ...flags.env],
      command,
      interactive: flags.interactive === true,
      noTty: flags.tty !== true,
    }),
};

export const containerAttach: CliCommand = {
  usage: "<container>",
  summary: "Attach to a running container",
  declare: (command: Command) =>
    command
      .option("--detach-keys <keys>", "keys that let go of the container (default: ctrl-p,ctrl-q)")
      .addOption(noFlag("--no-stdin", "do not attach stdin"))
      .option("--sig-proxy", "pass signals on to the process", true),
  run: async (
    context: Context,
    [id = ""]: readonly string[],
    flags: { readonly detachKeys?: string; readonly noStdin?: boolean; readonly sigProxy: boolean },
  ) => attachTo(context, await context.runtime(), id, flags),
};

interface LogFlags {
  readonly details?: boolean;
  readonly follow?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly tail: string;
  readonly timestamps?: boolean;
}

export const containerLogs: CliCommand = {
  usage: "<container>",
  summary: "View a container's output: its stdout on ours, its stderr on ours",
  declare: (command: Command) =>
    command
      .option("--details", "with what the log options labels, env and tag select")
      .option("-f, --follow", "go on as output comes")
      .option("--since <time>", "from this time, or so long ago")
      .option("--until <time>", "up to this time")
      .option("-n, --tail <lines>", "the last so many lines", "all")
      .option("-t, --timestamps", "with times"),
  run: async (context: Context, [id = ""]: readonly string[], flags: LogFlags) => {
    const runtime = await context.runtime();
    const interrupt = interruptSignal();
    const nowMs = Date.now();
    const tail = Number(flags.tail);
    const details =
      flags.details === true ? Buffer.from(logDetails(await runtime.containers.inspect(id))) : undefined;
    const heads = { hasTimes: flags.timestamps === true, details };
    const entries = runtime.containers.logs(id, {
      follow: flags.follow === true,
      // With times, lines come whole.
      timestamps: heads.hasTimes || details !== undefined,
      signal: interrupt.signal,
      ...(flags.since !== undefined && { sinceNs: momentNs(flags.since, nowMs) }),
      ...(flags.until !== undefined && { untilNs: momentNs(flags.until, nowMs) }),
      ...(Number.isInteger(tail) && tail >= 0 && { tail }),
    });
    try {
      for await (const entry of entries) await writeAll(context.io[entry.stream], withHeads(entry, heads));
    } catch (error) {
      if (!isCancelled(error)) throw error;
    } finally {
      interrupt.release();
    }
  },
};

interface Heads {
  readonly hasTimes: boolean;
  readonly details: Uint8Array | undefined;
}

/** Each line, or piece of a long one, after its time and details; as it is when there are no times. */
function withHeads({ data, timesNs = [] }: LogEntry, { hasTimes, details }: Heads): Uint8Array {
  if (timesNs.length === 0) return data;
  const heads = timedHeads("", timesNs);
  let from = 0;
  const parts = timesNs.flatMap((_, index) => {
    const newline = data.indexOf(0x0a, from);
    const line = data.subarray(from, newline < 0 ? data.length : newline + 1);
    from += line.length;
    return [...(hasTimes ? [heads.at(index)] : []), ...(details === undefined ? [] : [details]), line];
  });
  return Buffer.concat(parts);
}

interface CopyFlags {
  readonly archive?: boolean;
  readonly followLink?: boolean;
}

export const containerCp: CliCommand = {
  usage: "<source> <destination>",
  summary: "Copy files between a container and this machine",
  help: "CONTAINER:PATH names a place in a container; - is a tar archive on stdin or stdout.",
  declare: (command: Command) =>
    command.option("-a, --archive", "with owners").option("-L, --follow-link", "what a link points to"),
  run: async (context: Context, [source = "", destination = ""]: readonly string[], flags: CopyFlags) => {
    const runtime = await context.runtime();
    const from = splitPlace(source);
    const to = splitPlace(destination);
    if (from.name !== undefined && to.name === undefined) {
      if (destination === "-") {
        const { archive } = await runtime.containers.readArchive(from.name, from.path);
        return writeArchive(context, archive, undefined);
      }
      return copyOut(runtime, { containerId: from.name, path: from.path }, destination, flags);
    }
    if (to.name === undefined || from.name !== undefined)
      throw usageError("Exactly one of the two is CONTAINER:PATH");
    if (source === "-") {
      const archive = context.io.stdin as unknown as Readable;
      return runtime.containers.writeArchive(to.name, to.path, archive, {
        copyUidGid: flags.archive === true,
      });
    }
    return copyIn(runtime, source, { containerId: to.name, path: to.path }, flags);
  },
};

export const containerExport: CliCommand = {
  usage: "<container>",
  summary: "Write a container's files as a tar archive",
  declare: (command: Command) => command.option("-o, --output <file>", "write here instead of stdout"),
  run: async (context: Context, [id = ""]: readonly string[], { output }: { readonly output?: string }) =>
    writeArchive(context, await (await context.runtime()).containers.export(id), output),
};
