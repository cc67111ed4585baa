import type { Command } from "commander";
import { credentialsFor } from "../../daemon/client.ts";
import { imageOf } from "../../planner/index.ts";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { showImageProgress } from "../image-progress.ts";
import { loadProject } from "../project.ts";
import { messageOf } from "../render/error.ts";

interface Flags {
  readonly ignorePushFailures?: boolean;
  readonly includeDeps?: boolean;
  readonly quiet?: boolean;
}

export const push: CliCommand = {
  usage: "[services...]",
  summary: "Push images of services that are built here",
  declare: (command: Command) =>
    command
      .option("--ignore-push-failures", "push what can be pushed")
      .option("--include-deps", "images of services that they depend on too")
      .option("-q, --quiet", "without progress"),
  run: async (context: Context, services: readonly string[], flags: Flags) => {
    const { stack } = await loadProject(context, { services });
    const runtime = await context.runtime();
    const chosen = services.length === 0 ? Object.keys(stack.services) : services;
    const references = new Set(
      chosen.flatMap((name) => {
        const service = stack.services[name];
        if (service?.build === undefined) return [];
        if (service.image === undefined) {
          context.note(`Service "${name}" has no image name to push to: skipped`);
          return [];
        }
        return [imageOf(stack, name, service)];
      }),
    );
    let hasFailed = false;
    for (const reference of references) {
      const credentials = await credentialsFor(reference, context.io.env);
      const progress = showImageProgress(context, flags.quiet === true);
      try {
        await runtime.images.push(reference, {
          ...(credentials !== undefined && { credentials }),
          onProgress: progress.show,
        });
        context.note(` Image ${reference}  Pushed`);
      } catch (error) {
        if (flags.ignorePushFailures !== true) throw error;
        context.note(` Image ${reference}  Warning  ${messageOf(error)}`);
        hasFailed = true;
      } finally {
        progress.end();
      }
    }
    return hasFailed ? EXIT.ok : undefined;
  },
};
