import type { AskListener, StackAsk } from "../daemon/client.ts";
import type { Plan, Request } from "../planner/index.ts";
import type { Report } from "../reconciler/index.ts";
import type { LoadResult, Stack } from "../spec/index.ts";
import { ExitWith } from "./cli-error.ts";
import type { Context } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { interruptSignal } from "./interrupt.ts";
import { messageOf } from "./render/error.ts";
import { escapeControls, paint } from "./render/paint.ts";
import { openProgressView, type ProgressView } from "./render/progress-view.ts";
import { withSshAgents } from "./ssh-agents.ts";

export interface AskStackOptions {
  readonly stackName: string;
  readonly request: Request;
  readonly stack?: Stack;
  /** Where the stack's values stand in its files. */
  readonly placeOf?: LoadResult["placeOf"];
  readonly view?: ProgressView;
  readonly signal?: AbortSignal;
  /** `up` says when there was nothing to do, unless this is set. */
  readonly isQuietWhenUnchanged?: boolean;
}

/**
 * One request to whoever keeps the stack: shows its progress, says what went wrong. Resolves to the report when
 * it was carried out; otherwise ends the command. With `--dry-run` the plan is printed instead.
 */
export async function askStack(context: Context, options: AskStackOptions): Promise<Report> {
  const stacks = await context.stacks();
  const { imagesAtOnce } = context;
  const ask: StackAsk = {
    stackName: options.stackName,
    request: options.request,
    ...(options.stack !== undefined && { stack: withSshAgents(options.stack, context) }),
    ...(imagesAtOnce !== undefined && { imagesAtOnce }),
  };
  if (context.isDryRun) return dryRun(context, await stacks.plan(ask));
  const view = options.view ?? (await openProgressView(context));
  const interrupt = options.signal === undefined ? interruptSignal() : undefined;
  const signal = options.signal ?? interrupt?.signal;
  const said = new Said(context, options);
  const listener: AskListener = {
    ...(signal !== undefined && { signal }),
    onEvent: (event) => {
      view.show(event);
    },
  };
  try {
    const report = await stacks.ask(ask, listener);
    await view.end();
    await said.plan(report.plan);
    if (options.request.do === "down" && report.outcome === "unchanged") {
      context.note(`No resource found to remove for stack "${options.stackName}"`);
    }
    if (
      options.request.do === "up" &&
      report.outcome === "unchanged" &&
      options.isQuietWhenUnchanged !== true &&
      context.progress !== "quiet"
    ) {
      context.note(`Nothing to do: stack "${options.stackName}" is as its files say`);
    }
    return settle(context, report);
  } catch (error) {
    await view.end();
    if (signal?.aborted !== true) throw error;
    context.note(
      `Interrupted: \`${options.request.do}\` of stack "${options.stackName}" did not finish, and is not carried on`,
    );
    throw new ExitWith(EXIT.interrupted);
  } finally {
    interrupt?.release();
  }
}

/** Problems, hazards and notes, once each, when the view has let go of the terminal. */
class Said {
  readonly #context: Context;
  readonly #options: AskStackOptions;
  #plan: Plan | undefined;

  constructor(context: Context, options: AskStackOptions) {
    this.#context = context;
    this.#options = options;
  }

  async plan(plan: Plan): Promise<void> {
    if (this.#plan !== undefined) return;
    this.#plan = plan;
    const { yellow } = paint(this.#context.hasColour("stderr"));
    const warn = (message: string) => this.#context.note(`${yellow("warning:")} ${message}`);
    const hasPlaces = await this.#atPlaces(plan);
    for (const { kind, message, path } of plan.hazards) {
      // What was asked for is no news; what was not done is.
      if (kind === "kept-old" || (kind === "no-effect" && !(hasPlaces && path !== undefined))) warn(message);
    }
    for (const { kind, message } of plan.notes) {
      if (kind !== "waiting") warn(message);
    }
    if (!hasPlaces) this.#complain(plan);
  }

  async #atPlaces(plan: Plan): Promise<boolean> {
    const { stack, placeOf } = this.#options;
    const hasSome = plan.problems.length > 0 || plan.hazards.some(({ kind }) => kind === "no-effect");
    if (!hasSome || stack === undefined || placeOf === undefined) return false;
    const { renderPlanProblems } = await import("./render/plan-problems.ts");
    const { io } = this.#context;
    const style = { isColoured: this.#context.hasColour("stderr"), cwd: io.cwd };
    io.stderr.write(await renderPlanProblems(plan, { stack, placeOf }, style));
    return true;
  }

  #complain({ problems }: Plan): void {
    const { red } = paint(this.#context.hasColour("stderr"));
    for (const { message, path } of problems)
      this.#context.note(`${red("stowage:")} ${path === undefined ? message : `${path}: ${message}`}`);
  }
}

async function dryRun(context: Context, plan: Plan): Promise<Report> {
  const { renderPlan } = await import("../planner/index.ts");
  context.print(escapeControls(renderPlan(plan)));
  if (plan.problems.length > 0) throw new ExitWith(EXIT.failed);
  return { stackName: plan.stackName, plan, outcome: "declined", results: [], durationMs: 0 };
}

/** Ends the command unless all was done. */
function settle(context: Context, report: Report): Report {
  const { red } = paint(context.hasColour("stderr"));
  const complain = (message: string) => context.note(`${red("stowage:")} ${message}`);
  for (const result of report.results) {
    if (result.status === "failed") complain(`${result.step.id}: ${messageOf(result.error)}`);
  }
  switch (report.outcome) {
    case "cancelled":
      throw new ExitWith(EXIT.interrupted);
    case "failed":
    case "refused":
      throw new ExitWith(EXIT.failed);
    default:
      return report;
  }
}
