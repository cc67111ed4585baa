import type { Command } from "commander";
import { renderPlan } from "../../planner/index.ts";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { loadProject } from "../project.ts";
import { escapeControls } from "../render/paint.ts";
import { declareUpFlags, type UpFlags, upRequest } from "../up-request.ts";

interface Flags extends UpFlags {
  readonly json?: boolean;
  readonly detailedExitcode?: boolean;
  readonly down?: boolean;
  readonly volumes?: boolean;
}

export const plan: CliCommand = {
  usage: "[services...]",
  summary: "Show what `up` would do, and why; changes nothing",
  declare: (command: Command) =>
    declareUpFlags(command)
      .option("--down", "show what `down` would do")
      .option("-v, --volumes", "with --down: volumes too")
      .option("--json", "print the plan as JSON")
      .option("--detailed-exitcode", "end with 2 when there is something to do, 1 when it cannot be done"),
  run: async (context: Context, services: readonly string[], flags: Flags) => {
    const { stack } = await loadProject(context, { services });
    const stacks = await context.stacks();
    const request =
      flags.down === true
        ? { do: "down" as const, services, ...(flags.volumes === true && { removeVolumes: true }) }
        : upRequest(services, flags, context.io);
    const made = await stacks.plan({ stackName: stack.name, stack, request });
    context.print(
      flags.json === true ? `${JSON.stringify(made, undefined, 2)}\n` : escapeControls(renderPlan(made)),
    );
    if (made.problems.length > 0) return EXIT.failed;
    return flags.detailedExitcode === true && made.steps.length > 0 ? EXIT.changes : EXIT.ok;
  },
};
