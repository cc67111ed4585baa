import { writeFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import type { LoadSwitches, Stack } from "../../spec/index.ts";
import type { CliCommand } from "../cli-command.ts";
import { ExitWith, usageError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { noFlag } from "../globals.ts";
import { loadOptions, loadProject } from "../project.ts";

export interface ConfigFlags {
  readonly format?: string;
  readonly output?: string;
  readonly quiet?: boolean;
  readonly hash?: string;
  readonly images?: boolean;
  readonly services?: boolean;
  readonly volumes?: boolean;
  readonly networks?: boolean;
  readonly models?: boolean;
  readonly profiles?: boolean;
  readonly variables?: boolean;
  readonly environment?: boolean;
  readonly resolveImageDigests?: boolean;
  readonly lockImageDigests?: boolean;
  readonly noInterpolate?: boolean;
  readonly noNormalize?: boolean;
  readonly noPathResolution?: boolean;
  readonly noConsistency?: boolean;
  readonly noEnvResolution?: boolean;
  readonly problems?: string;
}

export const config: CliCommand = {
  usage: "[services...]",
  summary: "Check the Compose files and print their normal form",
  declare: (command: Command) =>
    command
      .option("--format <format>", "yaml or json; sarif or github print the problems alone")
      .option("-o, --output <path>", "write to a file instead of stdout")
      .option("-q, --quiet", "check only, print nothing")
      .option("--hash <services>", "print the config hash of these services (a,b), or of all (*)")
      .option("--images", "print the image names")
      .option("--services", "print the service names")
      .option("--volumes", "print the volume names")
      .option("--networks", "print the network names")
      .option("--models", "print the model names")
      .option("--profiles", "print the profile names")
      .option("--variables", "print the variables that the files name, and their defaults")
      .option("--environment", "print the variables that the files may name")
      .option("--resolve-image-digests", "pin images to what the registry has under their tags")
      .option("--lock-image-digests", "print an override file that pins the images")
      .addOption(noFlag("--no-interpolate", "leave variables in"))
      .addOption(noFlag("--no-normalize", "leave out what Compose implies"))
      .addOption(noFlag("--no-path-resolution", "leave paths relative"))
      .addOption(noFlag("--no-consistency", "do not check what must hold between attributes"))
      .addOption(noFlag("--no-env-resolution", "leave env files unread"))
      .addOption(
        new Option("--problems <format>", "print the problems alone, to stdout").choices([
          "text",
          "json",
          "sarif",
          "github",
        ]),
      ),
  run: async (context: Context, services: readonly string[], flags: ConfigFlags) => {
    const problems =
      flags.problems ?? (flags.format === "sarif" || flags.format === "github" ? flags.format : undefined);
    if (problems !== undefined) return await printProblems(context, services, flags, problems);
    const format = flags.format ?? "yaml";
    const text =
      (await listText(context, services, flags)) ?? (await modelText(context, services, flags, format));
    if (flags.quiet === true) return EXIT.ok;
    if (flags.output === undefined) context.print(text);
    else await writeFile(flags.output, text);
    return EXIT.ok;
  },
};

function switchesOf(context: Context, flags: ConfigFlags): LoadSwitches {
  return {
    interpolation: flags.noInterpolate === true,
    normalization: flags.noNormalize === true || context.globals.compatibility === true,
    pathResolution: flags.noPathResolution === true,
    consistency: flags.noConsistency === true,
    envResolution: flags.noEnvResolution === true,
  };
}

/** Undefined where the model itself is asked for. */
async function listText(
  context: Context,
  services: readonly string[],
  flags: ConfigFlags,
): Promise<string | undefined> {
  const kinds = [
    "services",
    "volumes",
    "networks",
    "models",
    "profiles",
    "images",
    "variables",
    "environment",
  ] as const;
  const kind = flags.hash === undefined ? kinds.find((each) => flags[each] === true) : "hash";
  if (kind === undefined) return undefined;
  const { listConfig } = await import("../config-lists.ts");
  return await listConfig(context, kind, { services, flags, skip: switchesOf(context, flags) });
}

async function modelText(
  context: Context,
  services: readonly string[],
  flags: ConfigFlags,
  format: string,
): Promise<string> {
  if (format !== "yaml" && format !== "json") {
    throw usageError(`Unknown format "${format}": it is yaml, json, sarif or github`);
  }
  const skip = switchesOf(context, flags);
  if (skip.interpolation) return await plainText(context, services, skip, format);
  const { stack } = await loadProject(context, { services, onlySelected: true, skip });
  const { printStackJson, printStackYaml } = await import("../../spec/index.ts");
  const pinned = await pinImages(context, stack, flags);
  if (flags.lockImageDigests === true) {
    const { printModel } = await import("../../spec/index.ts");
    const images = Object.entries(pinned.services).map(([name, { image }]) => [name, { image }]);
    return await printModel({ services: Object.fromEntries(images) }, format);
  }
  return format === "json" ? `${printStackJson(pinned)}\n` : await printStackYaml(pinned);
}

async function pinImages(context: Context, stack: Stack, flags: ConfigFlags): Promise<Stack> {
  if (flags.resolveImageDigests !== true && flags.lockImageDigests !== true) return stack;
  const { withDigests } = await import("../image-digests.ts");
  return await withDigests(context, stack);
}

async function plainText(
  context: Context,
  services: readonly string[],
  skip: LoadSwitches,
  format: "json" | "yaml",
): Promise<string> {
  const { loadPlainModel, printModel } = await import("../../spec/index.ts");
  const { model, problems } = await loadPlainModel(await loadOptions(context, { services, skip }));
  await sayProblems(context, problems);
  if (model === undefined) throw new ExitWith(EXIT.invalidFiles);
  return `${await printModel(model, format)}${format === "json" ? "\n" : ""}`;
}

export async function sayProblems(
  context: Context,
  problems: Awaited<ReturnType<typeof import("../../spec/index.ts").loadStack>>["problems"],
): Promise<void> {
  if (problems.length === 0) return;
  const { renderProblems } = await import("../render/problems.ts");
  context.io.stderr.write(
    renderProblems(problems, { isColoured: context.hasColour("stderr"), cwd: context.io.cwd }),
  );
}

async function printProblems(
  context: Context,
  services: readonly string[],
  flags: ConfigFlags,
  format: string,
): Promise<number> {
  const { loadStack } = await import("../../spec/index.ts");
  const skip = switchesOf(context, flags);
  const { stack, problems } = await loadStack(
    await loadOptions(context, { services, onlySelected: true, skip }),
  );
  const { reportProblems } = await import("../render/problem-reports.ts");
  context.print(
    reportProblems(problems, format, { isColoured: context.hasColour("stdout"), cwd: context.io.cwd }),
  );
  return stack === undefined ? EXIT.invalidFiles : EXIT.ok;
}
