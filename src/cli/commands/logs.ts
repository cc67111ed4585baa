import type { Command } from "commander";
import type { LogOptions } from "../../runtime/index.ts";
import type { CliCommand } from "../cli-command.ts";
import { CliError, ExitWith } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { followStack, unreadable } from "../follow-stack.ts";
import { integer, noFlag } from "../globals.ts";
import { interruptSignal } from "../interrupt.ts";
import { projectAndServices } from "../project.ts";
import { LogLines, shortName } from "../render/log-lines.ts";
import { type Place, stackContainers } from "../stack-containers.ts";
import { momentNs } from "../time-option.ts";

interface Flags {
  readonly follow?: boolean;
  readonly index?: number;
  readonly noColor?: boolean;
  readonly noLogPrefix?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly tail: string;
  readonly timestamps?: boolean;
}

export const logs: CliCommand = {
  usage: "[services...]",
  summary: "View output from containers",
  declare: (command: Command) =>
    command
      .option("-f, --follow", "go on as output comes")
      .option("--index <number>", "only this replica", integer)
      .addOption(noFlag("--no-color", "without colours"))
      .addOption(noFlag("--no-log-prefix", "without names before the lines"))
      .option("--since <time>", "from this time (2026-01-02T13:23:37Z) or so long ago (42m)")
      .option("-n, --tail <lines>", "the last so many lines of each container", "all")
      .option("-t, --timestamps", "with times")
      .option("--until <time>", "up to this time, or so long ago"),
  run: async (context: Context, services: readonly string[], flags: Flags) => {
    const { name } = await projectAndServices(context, services);
    const runtime = await context.runtime();
    const lines = new LogLines({
      stdout: context.io.stdout,
      stderr: context.io.stdout,
      isColoured: flags.noColor !== true && context.hasColour("stdout"),
      hasPrefix: flags.noLogPrefix !== true,
      hasTimestamps: flags.timestamps === true,
    });
    const options = logOptions(flags);
    const isWanted = ({ number }: Place) => flags.index === undefined || number === flags.index;
    if (flags.follow === true) {
      const interrupt = interruptSignal();
      await followStack({
        runtime,
        stackName: name,
        services,
        lines,
        signal: interrupt.signal,
        options,
        warn: (message) => context.note(message),
        isWanted,
      });
      interrupt.release();
      if (interrupt.signal.aborted) throw new ExitWith(EXIT.interrupted);
      return;
    }
    const found = (await stackContainers(runtime, name, { all: true, services })).filter(isWanted);
    if (found.length === 0 && flags.index !== undefined)
      throw new CliError(`No container #${flags.index} of ${services.join(", ") || "any service"}`, {
        hint: `\`stowage ps -a\` shows the containers of stack "${name}"`,
      });
    for (const { summary } of found) lines.register(shortName(summary.name, name));
    for (const container of found) {
      const { summary } = container;
      const source = lines.source(shortName(summary.name, name));
      try {
        for await (const entry of runtime.containers.logs(summary.id, options)) {
          source.add(entry);
          await lines.ready();
        }
      } catch (error) {
        const problem = unreadable(container, error);
        if (problem === undefined) throw error;
        context.note(problem);
      }
      source.flush();
    }
  },
};

function logOptions({ since, until, tail, timestamps }: Flags): LogOptions {
  const nowMs = Date.now();
  const lines = tail === "all" ? undefined : Number(tail);
  if (lines !== undefined && !Number.isInteger(lines)) {
    throw new CliError(`Invalid --tail "${tail}": it is a number of lines, or all`, { exitCode: EXIT.usage });
  }
  return {
    ...(timestamps === true && { timestamps }),
    ...(since !== undefined && { sinceNs: momentNs(since, nowMs) }),
    ...(until !== undefined && { untilNs: momentNs(until, nowMs) }),
    ...(lines !== undefined && lines >= 0 && { tail: lines }),
  };
}
