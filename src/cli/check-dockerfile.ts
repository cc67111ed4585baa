import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { isRemote } from "../daemon/index.ts";
import { DockerfileError, excerpt, lintOnRuntime, ruleUrl } from "../runtime/dockerfile/index.ts";
import { CliError } from "./cli-error.ts";
import { withOurValues } from "./commands/exec.ts";
import type { Context } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { type ImageBuildFlags, pairs } from "./image-build.ts";
import { escapeControls } from "./render/paint.ts";

/** Holds a Dockerfile of this machine against BuildKit's rules, and prints what `docker build --check` would. Builds nothing. */
export async function checkDockerfile(
  context: Context,
  path: string,
  flags: ImageBuildFlags,
): Promise<number> {
  if (path === "-" || flags.file === "-" || isRemote(path))
    throw new CliError("Cannot check a Dockerfile that is no file of this machine: name one with -f");
  const name = flags.file ?? "Dockerfile";
  const file = flags.file === undefined ? resolve(context.io.cwd, path, name) : resolve(context.io.cwd, name);
  const text = await readFile(file, "utf8").catch((cause) => {
    throw new CliError(`Cannot read the Dockerfile ${file}`, { cause });
  });
  const runtime = await context.runtime();
  const { warnings, error } = await lintOnRuntime(runtime, {
    text,
    name,
    buildArgs: pairs(withOurValues(flags.buildArg, context.io.env)),
    platform: flags.platform,
  });
  const print = (words: string) => context.printLine(escapeControls(words));
  const [count, has] = [warnings.length, warnings.length === 1 ? "warning has" : "warnings have"];
  if (count > 0) print(`Check complete, ${count} ${has} been found!`);
  else if (error === undefined) print("Check complete, no warnings found.");
  for (const { rule, detail, lines } of [...warnings].sort((a, b) => a.lines.line - b.lines.line))
    print(`\nWARNING: ${rule} - ${ruleUrl(rule)}\n${detail}\n${excerpt(text, name, lines)}`);
  if (error !== undefined) {
    const shown = error instanceof DockerfileError ? `\n${excerpt(text, name, error.lines)}` : "";
    print(`ERROR: ${error.message}${shown}`);
  }
  return count === 0 && error === undefined ? EXIT.ok : EXIT.failed;
}
