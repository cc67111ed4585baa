import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { declareImageBuild, type ImageBuildFlags, runImageBuild } from "../image-build.ts";

export const imageBuild: CliCommand = {
  usage: "<path>",
  summary: "Build an image from a Dockerfile; prints its id",
  declare: declareImageBuild,
  run: (context: Context, [path = "."]: readonly string[], flags: ImageBuildFlags) =>
    runImageBuild(context, path, flags),
};
