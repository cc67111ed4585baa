import { credentialsFor } from "../daemon/client.ts";
import { imageOf } from "../planner/index.ts";
import type { Stack } from "../spec/index.ts";
import type { Context } from "./context.ts";
import { showImageProgress } from "./image-progress.ts";
import { messageOf } from "./render/error.ts";

export interface PushFlags {
  readonly ignorePushFailures?: boolean;
  readonly quiet?: boolean;
}

/** Pushes the images of those services that are built here. */
export async function pushImages(
  context: Context,
  stack: Stack,
  services: readonly string[],
  flags: PushFlags,
): Promise<void> {
  const references = new Set(
    services.flatMap((name) => {
      const service = stack.services[name];
      if (service?.build === undefined) return [];
      if (service.image === undefined) {
        context.note(`Service "${name}" has no image name to push to: skipped`);
        return [];
      }
      return [imageOf(stack, name, service)];
    }),
  );
  if (references.size === 0) return;
  const runtime = await context.runtime();
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
    } finally {
      progress.end();
    }
  }
}
