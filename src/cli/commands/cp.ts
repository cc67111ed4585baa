import type { Readable } from "node:stream";
import type { Command } from "commander";
import type { CliCommand } from "../cli-command.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { copyIn, copyOut } from "../copy-files.ts";
import { integer } from "../globals.ts";
import { projectName } from "../project.ts";
import { stackContainers } from "../stack-containers.ts";
import { writeArchive } from "./export.ts";

interface Flags {
  readonly all?: boolean;
  readonly archive?: boolean;
  readonly followLink?: boolean;
  readonly index?: number;
}

export const cp: CliCommand = {
  usage: "<source> <destination>",
  summary: "Copy files between a service's container and this machine",
  help: "SERVICE:PATH names a place in a container; - is a tar archive on stdin or stdout.",
  declare: (command: Command) =>
    command
      .option("--all", "into containers that `run` made, too")
      .option("-a, --archive", "with owners")
      .option("-L, --follow-link", "what a link points to, instead of the link")
      .option("--index <number>", "which replica", integer),
  run: async (context: Context, [source = "", destination = ""]: readonly string[], flags: Flags) => {
    const from = splitPlace(source);
    const to = splitPlace(destination);
    if (from.name === undefined && to.name === undefined) throw usageError("One of the two is SERVICE:PATH");
    if (from.name !== undefined && to.name !== undefined)
      throw usageError("Copying between containers is not possible");
    const runtime = await context.runtime();
    if (from.name !== undefined) {
      const [containerId = ""] = await containersOf(context, from.name, { ...flags, all: false });
      if (destination === "-") {
        const { archive } = await runtime.containers.readArchive(containerId, from.path);
        return writeArchive(context, archive, undefined);
      }
      return copyOut(runtime, { containerId, path: from.path }, destination, flags);
    }
    for (const containerId of await containersOf(context, to.name ?? "", flags)) {
      if (source === "-") {
        const archive = context.io.stdin as unknown as Readable;
        await runtime.containers.writeArchive(containerId, to.path, archive, {
          copyUidGid: flags.archive === true,
        });
      } else await copyIn(runtime, source, { containerId, path: to.path }, flags);
    }
  },
};

/** `web:/etc/hosts`; a path with a slash before the colon is one of this machine. */
export function splitPlace(text: string): { readonly name?: string; readonly path: string } {
  const at = text.indexOf(":");
  const name = text.slice(0, at);
  if (at <= 0 || name.includes("/") || name.startsWith(".")) return { path: text };
  return { name, path: text.slice(at + 1) };
}

/** Copying in is done to every replica unless one is named; copying out is from the first. */
async function containersOf(context: Context, service: string, flags: Flags): Promise<readonly string[]> {
  const { name } = await projectName(context);
  const found = await stackContainers(await context.runtime(), name, {
    all: true,
    services: [service],
    oneOff: flags.all === true,
  });
  const chosen = flags.index === undefined ? found : found.filter(({ number }) => number === flags.index);
  if (chosen.length === 0) throw new CliError(`No container found for service "${service}"`);
  return chosen.map(({ summary }) => summary.id);
}
