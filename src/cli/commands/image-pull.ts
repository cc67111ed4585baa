import type { Command } from "commander";
import { credentialsFor } from "../../daemon/client.ts";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { showImageProgress } from "../image-progress.ts";
import { interruptSignal } from "../interrupt.ts";

interface Flags {
  readonly allTags?: boolean;
  readonly quiet?: boolean;
  readonly platform?: string;
}

export const imagePull: CliCommand = {
  usage: "<image>",
  summary: "Pull an image from a registry",
  declare: (command: Command) =>
    command
      .option("-a, --all-tags", "all tags of the repository")
      .option("--platform <os/arch>", "for this platform")
      .option("-q, --quiet", "without progress"),
  run: async (context: Context, [reference = ""]: readonly string[], flags: Flags) => {
    const runtime = await context.runtime();
    const progress = showImageProgress(context, flags.quiet === true);
    const credentials = await credentialsFor(reference, context.io.env);
    const interrupt = interruptSignal();
    try {
      await runtime.images.pull(reference, {
        signal: interrupt.signal,
        onProgress: progress.show,
        ...(flags.allTags === true && { allTags: true }),
        ...(credentials !== undefined && { credentials }),
        ...(flags.platform !== undefined && { platform: flags.platform }),
      });
    } finally {
      progress.end();
      interrupt.release();
    }
    context.printLine(reference);
  },
};

export const imagePush: CliCommand = {
  usage: "<image>",
  summary: "Push an image to a registry",
  declare: (command: Command) => command.option("-q, --quiet", "without progress"),
  run: async (context: Context, [reference = ""]: readonly string[], flags: Flags) => {
    const runtime = await context.runtime();
    const progress = showImageProgress(context, flags.quiet === true);
    const credentials = await credentialsFor(reference, context.io.env);
    try {
      await runtime.images.push(reference, {
        onProgress: progress.show,
        ...(credentials !== undefined && { credentials }),
      });
    } finally {
      progress.end();
    }
    context.printLine(reference);
  },
};
