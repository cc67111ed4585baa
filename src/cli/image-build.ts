import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import type { Command } from "commander";
import { buildContext, isRemote } from "../daemon/index.ts";
import { parseKeyValues } from "../lib/key-values.ts";
import type { BuildFiles, BuildOptions } from "../runtime/index.ts";
import { parseBuildOutput, writeFiles } from "./build-output.ts";
import { CliError, usageError } from "./cli-error.ts";
import { withOurValues } from "./commands/exec.ts";
import { writeArchive } from "./commands/export.ts";
import type { Context } from "./context.ts";
import { noFlag, repeated } from "./globals.ts";
import { interruptSignal } from "./interrupt.ts";
import { parseBytes } from "./parse-mount.ts";
import { parseUlimit } from "./parse-ulimit.ts";
import { readNamedFile } from "./read-file.ts";
import { escapeControls } from "./render/paint.ts";
import { sshSockets } from "./ssh-agents.ts";

/** The options of a build of one Dockerfile, as docker's. */
export interface ImageBuildFlags {
  readonly tag: readonly string[];
  readonly file?: string;
  readonly buildArg: readonly string[];
  readonly label: readonly string[];
  readonly target?: string;
  readonly platform?: string;
  readonly noCache?: boolean;
  readonly pull?: boolean;
  readonly quiet?: boolean;
  readonly network?: string;
  readonly addHost: readonly string[];
  readonly shmSize?: string;
  readonly ulimit: readonly string[];
  readonly cacheFrom: readonly string[];
  readonly cacheTo: readonly string[];
  readonly secret: readonly string[];
  readonly ssh: readonly string[];
  readonly output?: string;
  readonly iidfile?: string;
  readonly check?: boolean;
}

export function declareImageBuild(command: Command): Command {
  return command
    .addOption(repeated("-t, --tag <name[:tag]>", "name of the image"))
    .option("-f, --file <path>", "the Dockerfile (default: Dockerfile in the path)")
    .addOption(repeated("--build-arg <key=value>", "set a build argument; KEY alone takes ours"))
    .addOption(repeated("--label <key=value>", "set a label"))
    .option("--target <stage>", "build this stage")
    .option("--platform <os/arch>", "build for this platform")
    .addOption(noFlag("--no-cache", "do not use the cache"))
    .option("--pull", "look for newer base images")
    .option("-q, --quiet", "print only the image's id")
    .option("--network <mode>", "network of RUN instructions")
    .addOption(repeated("--add-host <name:ip>", "a line of /etc/hosts"))
    .option("--shm-size <bytes>", "size of /dev/shm of RUN instructions")
    .addOption(repeated("--ulimit <name=soft[:hard]>", "limit of RUN instructions"))
    .addOption(repeated("--cache-from <image>", "image that carries a cache"))
    .addOption(repeated("--cache-to <type=inline>", "let the image carry its cache"))
    .addOption(repeated("--secret <id=x,src=file>", "a secret for RUN --mount=type=secret"))
    .addOption(repeated("--ssh <id[=socket]>", "an SSH agent for RUN --mount=type=ssh; default: yours"))
    .option("-o, --output <dest>", "a folder for the result's files, - for a tar, or type=...,dest=...")
    .option("--check", "hold the Dockerfile against BuildKit's rules, build nothing")
    .option("--iidfile <file>", "write the image's id here");
}

/** Builds a folder's Dockerfile; the id is the answer, the build's output goes to stderr. */
export async function runImageBuild(context: Context, path: string, flags: ImageBuildFlags): Promise<number> {
  if (flags.check === true)
    return (await import("./check-dockerfile.ts")).checkDockerfile(context, path, flags);
  const output = parseBuildOutput(flags.output, context.io.cwd);
  const runtime = await context.runtime();
  const interrupt = interruptSignal();
  try {
    const options = await optionsOf(context, path, flags, interrupt.signal);
    if (output.kind === "files") {
      await runtime.images.buildFiles(options, (files) => writeFiles(context, files, output));
      return 0;
    }
    const { id } = await runtime.images.build(options);
    if (output.archive !== undefined) {
      const [name = id] = flags.tag;
      await writeArchive(context, await runtime.images.save([name]), output.archive);
    }
    if (flags.iidfile !== undefined) await writeFile(resolve(context.io.cwd, flags.iidfile), id);
    context.printLine(id);
    return 0;
  } finally {
    interrupt.release();
  }
}

async function optionsOf(
  context: Context,
  path: string,
  flags: ImageBuildFlags,
  signal: AbortSignal,
): Promise<BuildOptions> {
  const { stderr } = context.io;
  const secrets = await secretsOf(context, flags.secret);
  return {
    ...(await sourceOf(context, path, flags)),
    tags: flags.tag,
    buildArgs: pairs(withOurValues(flags.buildArg, context.io.env)),
    labels: pairs(flags.label),
    ...(flags.addHost.length > 0 && { extraHosts: flags.addHost }),
    ...(flags.shmSize !== undefined && { shmSizeBytes: parseBytes(flags.shmSize) }),
    ...(flags.ulimit.length > 0 && { ulimits: flags.ulimit.map(parseUlimit) }),
    ...(flags.cacheFrom.length > 0 && { cacheFrom: flags.cacheFrom }),
    ...(flags.cacheTo.length > 0 && { cacheTo: flags.cacheTo }),
    ...(Object.keys(secrets).length > 0 && { secrets }),
    ...(flags.ssh.length > 0 && { sshSockets: sshSockets(flags.ssh, context) }),
    signal,
    ...(flags.target !== undefined && { target: flags.target }),
    ...(flags.platform !== undefined && { platform: flags.platform }),
    ...(flags.noCache === true && { noCache: true }),
    ...(flags.pull === true && { pull: true }),
    ...(flags.network !== undefined && { networkMode: flags.network }),
    ...(flags.quiet !== true && { onOutput: (text: string) => void stderr.write(escapeControls(text)) }),
  };
}

async function sourceOf(context: Context, path: string, { file }: ImageBuildFlags): Promise<BuildFiles> {
  const { stdin, cwd } = context.io;
  if (path === "-") return { context: stdin as Readable, ...(file !== undefined && { dockerfile: file }) };
  if (file === "-") {
    const chunks: Buffer[] = [];
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk as Uint8Array));
    const { context: folder } = await buildContext({ context: resolve(cwd, path) });
    return { context: folder, dockerfileText: Buffer.concat(chunks).toString("utf8") };
  }
  if (path.includes("://") && !isRemote(path))
    throw usageError(
      `Cannot use "${path}" as a build context: name a folder, or an http, https, git or ssh address`,
    );
  if (isRemote(path)) return buildContext({ context: path, ...(file !== undefined && { dockerfile: file }) });
  const dockerfile = file === undefined ? {} : { dockerfile: resolve(cwd, file) };
  return buildContext({ context: resolve(cwd, path), ...dockerfile });
}

export function pairs(words: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

/** `id=x,src=file` or `id=x,env=NAME`; without `src` and `env` the id is the variable's name. */
async function secretsOf(
  context: Context,
  words: readonly string[],
): Promise<Readonly<Record<string, Uint8Array>>> {
  const entries = words.map(async (word): Promise<[string, Uint8Array]> => {
    const { id, src, source, env } = Object.fromEntries(parseKeyValues(word));
    if (id === undefined) throw usageError(`Invalid secret "${word}": it has no id`);
    const path = src ?? source;
    if (path !== undefined) return [id, await readNamedFile(resolve(context.io.cwd, path))];
    const value = context.io.env[env ?? id];
    if (value === undefined)
      throw new CliError(`Cannot find secret "${id}": variable ${env ?? id} is not set`);
    return [id, Buffer.from(value)];
  });
  return Object.fromEntries(await Promise.all(entries));
}
