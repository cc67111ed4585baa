import { type Command, Option } from "commander";
import { credentialsFor, readEngineSettings, settingsPath } from "../../daemon/client.ts";
import type { Stack } from "../../spec/index.ts";
import type { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { loadProject } from "../project.ts";
import { confirm } from "../prompt.ts";

interface Flags {
  readonly resolveImageDigests?: boolean;
  readonly ociVersion?: "1.0" | "1.1";
  readonly withEnv?: boolean;
  readonly yes?: boolean;
}

export const publish: CliCommand = {
  usage: "<repository>",
  summary: "Publish the Compose files as an artifact in a registry, to be read as oci://repository",
  help: "Files that are extended go with them, env files with --with-env; what is mounted, built or a file's content does not.",
  declare: (command: Command) =>
    command
      .option("--resolve-image-digests", "pin images to what the registry has under their tags")
      .addOption(new Option("--oci-version <version>", "of the manifest").choices(["1.0", "1.1"]))
      .option("--with-env", "with environment variables and env files")
      .option("-y, --yes", "ask nothing"),
  run: async (context: Context, [repository = ""]: readonly string[], flags: Flags) => {
    const all = context.with({ profile: ["*"] });
    const { stack, environment } = await loadProject(all, { skip: { envResolution: true } });
    checkBuilt(stack);
    if (flags.yes !== true && !(await mayPublish(context, stack, flags))) return 1;
    const { pushImages } = await import("../push-images.ts");
    const { artifactFiles, fileLayer } = await import("../artifact-layers.ts");
    const options = { withEnvFiles: flags.withEnv === true };
    const { layers, left } = await artifactFiles(stack.configFiles, environment, options);
    for (const file of left) context.note(`${file} is not published: who reads the artifact needs it too`);
    if (context.isDryRun) {
      for (const { annotations } of layers) context.printLine(Object.values(annotations)[0] ?? "");
      return 0;
    }
    await pushImages(context, stack, Object.keys(stack.services), { ignorePushFailures: true });
    const pinned = flags.resolveImageDigests === true ? [fileLayer(...(await digests(context, stack)))] : [];
    const { writeArtifact } = await import("../../runtime/engine/index.ts");
    const { COMPOSE_ARTIFACT } = await import("../compose-artifact.ts");
    context.note(` ${repository}  publishing`);
    const digest = await writeArtifact(repository, COMPOSE_ARTIFACT, [...layers, ...pinned], {
      registries: readEngineSettings(settingsPath(context.io.env)),
      credentials: await credentialsFor(repository, context.io.env),
      annotations: { "org.opencontainers.image.created": new Date().toISOString() },
      ociVersion: flags.ociVersion,
    });
    context.note(` ${repository}  published`);
    context.printLine(digest);
    return 0;
  },
};

function checkBuilt(stack: Stack): void {
  const names = Object.entries(stack.services).flatMap(([name, { build, image }]) =>
    build !== undefined && image === undefined ? [name] : [],
  );
  if (names.length === 0) return;
  throw new CliError(`Cannot publish: ${names.join(", ")} can only be built here`, {
    hint: "give them an image, which is pushed too",
  });
}

/** What others would learn from the artifact, each asked for on its own. */
async function mayPublish(context: Context, stack: Stack, { withEnv }: Flags): Promise<boolean> {
  const mounts = Object.entries(stack.services).flatMap(([name, { volumes = [] }]) =>
    volumes.filter(({ type }) => type === "bind").map(({ source }) => `${name} mounts ${source}`),
  );
  if (mounts.length > 0 && !(await agrees(context, mounts, "these bind mounts"))) return false;
  const variables = variablesSaid(stack);
  if (variables.length > 0 && withEnv !== true)
    throw new CliError(`Cannot publish environment variables: ${variables.join("; ")}`, {
      hint: "--with-env publishes them",
    });
  return variables.length === 0 || (await agrees(context, variables, "these environment variables"));
}

function variablesSaid(stack: Stack): readonly string[] {
  const services = Object.entries(stack.services).flatMap(([name, { environment, env_file: files }]) => [
    ...(files ?? []).map(({ path }) => `${name} has the env file ${path}`),
    ...Object.keys(environment ?? {}).map((key) => `${name} has ${key}`),
  ]);
  const configs = Object.entries(stack.configs).flatMap(([name, { environment }]) =>
    environment === undefined ? [] : [`the config ${name} is made of ${environment}`],
  );
  return [...services, ...configs];
}

async function agrees(context: Context, said: readonly string[], what: string): Promise<boolean> {
  for (const line of said) context.note(`  ${line}`);
  return await confirm(context, `Publish ${what}?`);
}

async function digests(context: Context, stack: Stack): Promise<[name: string, bytes: Buffer]> {
  const [{ withDigests }, { printModel }] = await Promise.all([
    import("../image-digests.ts"),
    import("../../spec/index.ts"),
  ]);
  const { services } = await withDigests(context, stack);
  const images = Object.entries(services).map(([name, { image }]) => [name, { image }]);
  const model = { services: Object.fromEntries(images) };
  return ["image-digests.yaml", Buffer.from(await printModel(model, "yaml"))];
}
