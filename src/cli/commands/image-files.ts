import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import type { Command } from "commander";
import type { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { repeated } from "../globals.ts";
import { showImageProgress } from "../image-progress.ts";
import { writeArchive } from "./export.ts";

interface ImportFlags {
  readonly change: readonly string[];
  readonly message?: string;
  readonly platform?: string;
}

export const imageImport: CliCommand = {
  usage: "<file> [repository[:tag]]",
  summary: "Make an image of one layer from a tar archive of files (plain or compressed); - is stdin",
  declare: (command: Command) =>
    command
      .addOption(
        repeated("-c, --change <instruction>", "apply a Dockerfile instruction: CMD, ENV, EXPOSE, ..."),
      )
      .option("-m, --message <text>", "why it was made")
      .option("--platform <os/arch>", "the files are for this platform"),
  run: async (context: Context, [path = "", reference]: readonly string[], flags: ImportFlags) => {
    const archive = await openArchive(context, path);
    const runtime = await context.runtime();
    const { id } = await runtime.images.import(archive, {
      changes: flags.change,
      ...(reference !== undefined && { reference }),
      ...(flags.message !== undefined && { message: flags.message }),
      ...(flags.platform !== undefined && { platform: flags.platform }),
    });
    context.printLine(id);
  },
};

export const imageLoad: CliCommand = {
  usage: "[file]",
  summary: "Load images from a docker or OCI archive (plain or compressed)",
  declare: (command: Command) =>
    command
      .option("-i, --input <file>", "the archive (default: stdin)")
      .option("-q, --quiet", "without progress"),
  run: async (
    context: Context,
    [path]: readonly string[],
    flags: { readonly input?: string; readonly quiet?: boolean },
  ) => {
    const archive = await openArchive(context, flags.input ?? path ?? "-");
    const runtime = await context.runtime();
    const progress = showImageProgress(context, flags.quiet === true);
    const loaded = await runtime.images.load(archive, { onProgress: progress.show });
    progress.end();
    for (const reference of loaded.references) context.printLine(`Loaded image: ${reference}`);
    if (loaded.references.length === 0) {
      for (const id of loaded.ids) context.printLine(`Loaded image ID: ${id}`);
    }
  },
};

export const imageSave: CliCommand = {
  usage: "<images...>",
  summary: "Save images to one archive that docker and OCI tools read",
  declare: (command: Command) => command.option("-o, --output <file>", "write here instead of stdout"),
  run: async (context: Context, references: readonly string[], { output }: { readonly output?: string }) => {
    const runtime = await context.runtime();
    await writeArchive(context, await runtime.images.save(references), output);
  },
};

async function openArchive({ io }: Context, path: string): Promise<Readable> {
  if (path === "-") {
    if (io.stdin.isTTY === true)
      throw new CliError("Cannot read an archive from the terminal", { hint: "name a file, or redirect" });
    return io.stdin as unknown as Readable;
  }
  if (/^https?:\/\//.test(path)) {
    const response = await fetch(path);
    if (!response.ok || response.body === null)
      throw new CliError(`Cannot fetch ${path}: the server answers ${response.status}`);
    return Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  }
  const full = resolve(io.cwd, path);
  const found = await stat(full).catch((cause: unknown) => {
    throw new CliError(`Cannot read ${path}`, { cause });
  });
  if (!found.isFile()) throw new CliError(`Cannot read ${path}: it is not a file`);
  return createReadStream(full);
}
