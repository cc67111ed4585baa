import type { Command } from "commander";
import type { ExplainStep, Explanation } from "../../spec/index.ts";
import type { CliCommand } from "../cli-command.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { loadOptions } from "../project.ts";
import { escapeAllButColours, type Palette, paint } from "../render/paint.ts";
import { placeText } from "../render/problems.ts";
import { sayProblems } from "./config.ts";

interface Flags {
  readonly json?: boolean;
}

export const explain: CliCommand = {
  usage: "<path>",
  summary: "Show where a value comes from: the files and variables that set it, and which lost",
  help: "A path is the keys down to the value: services.db.environment.PASSWORD, services.web.ports[0]",
  declare: (command: Command) => command.option("--json", "print as JSON"),
  run: async (context: Context, [path = ""]: readonly string[], flags: Flags) => {
    if (path === "") throw usageError("explain needs a path", "services.web.image, for example");
    const { explainPath } = await import("../../spec/index.ts");
    const { explanations, problems, hint } = await explainPath(await loadOptions(context, {}), path);
    const errors = problems.filter((problem) => problem.severity === "error");
    await sayProblems(context, errors);
    if (explanations.length === 0) {
      if (errors.length > 0) return EXIT.invalidFiles;
      throw new CliError(`There is no ${path} in the stack`, hint === undefined ? {} : { hint });
    }
    if (flags.json === true) context.print(`${JSON.stringify(explanations, undefined, 2)}\n`);
    else context.print(escapeAllButColours(explanations.map((each) => render(each, context)).join("\n")));
    return errors.length > 0 ? EXIT.invalidFiles : EXIT.ok;
  },
};

function render({ path, value, steps }: Explanation, context: Context): string {
  const palette = paint(context.hasColour("stdout"));
  const lines = [`${palette.bold(path)} = ${JSON.stringify(value)}`];
  for (const step of steps) lines.push(`  ${stepText(step, context.io.cwd, palette)}`);
  return `${lines.join("\n")}\n`;
}

const WORDS = { set: "set by", beaten: "wins over", variable: "with" } as const;

function stepText(step: ExplainStep, cwd: string, palette: Palette): string {
  const where = step.place === undefined ? "" : ` ${palette.cyan(placeText(step.place, cwd))}`;
  const text = step.kind === "beaten" ? palette.dim(step.text) : step.text;
  return `${WORDS[step.kind]}${where}${step.kind === "variable" ? ` ${text}` : `: ${text}`}`;
}
