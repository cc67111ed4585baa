import type { Command } from "commander";
import type { Request } from "../planner/index.ts";
import { hasKind } from "../runtime/index.ts";
import type { Stack } from "../spec/index.ts";
import { askStack } from "./ask-stack.ts";
import type { CliCommand } from "./cli-command.ts";
import type { Context } from "./context.ts";
import { loadProject, loadQuietly, projectName } from "./project.ts";
import { stackContainers } from "./stack-containers.ts";

export interface StackCommand<Flags> {
  readonly usage?: string;
  readonly summary: string;
  readonly declare: (command: Command) => void;
  readonly request: (args: readonly string[], flags: Flags, context: Context) => Request;
  /** `file`: what is declared now counts. `stored`: what the stack is already, whatever the files say by now. */
  readonly of: "file" | "stored";
}

/** A command that is one request for one stack. */
export function stackCommand<Flags>(definition: StackCommand<Flags>): CliCommand {
  const { usage = "[services...]", summary, declare } = definition;
  return {
    usage,
    summary,
    declare,
    run: async (context: Context, args: readonly string[], flags: Flags) => {
      const request = definition.request(args, flags, context);
      const services = "services" in request ? request.services : undefined;
      if (definition.of === "file") {
        const { stack, placeOf } = await loadProject(context, services === undefined ? {} : { services });
        await askStack(context, { stackName: stack.name, request, stack, placeOf });
        return;
      }
      await askStored(context, request);
    },
  };
}

/** A request for a stack that exists: by name where that is enough, else with its files. */
export async function askStored(context: Context, request: Request): Promise<void> {
  const { name, project } = await projectName(context);
  const named = ("services" in request ? request.services : undefined) ?? [];
  const removesVolumes = request.do === "down" && request.removeVolumes === true;
  const stack =
    project?.stack ??
    (await stackIfNeeded(context, named.length > 0 || removesVolumes || areFilesNamed(context)));
  const isForAll = "removeOrphans" in request && request.removeOrphans === true;
  const meant = named.length > 0 || isForAll ? undefined : await servicesOfFiles(context, stack);
  const sayNothingThere = () => context.note(`No containers for stack "${name}"`);
  if (meant?.length === 0) return sayNothingThere();
  try {
    await askStack(context, {
      stackName: name,
      request: meant === undefined ? request : { ...request, services: meant },
      ...(stack !== undefined && { stack }),
    });
  } catch (error) {
    if (!isDoneWithoutContainers(request, named) || !hasKind(error, "not-found")) throw error;
    sayNothingThere();
  }
}

/**
 * Where files are named that do not declare just the services that are there: those of theirs that are, the others are
 * orphans to them. Undefined where the whole stack is meant.
 */
export async function servicesOfFiles(
  context: Context,
  loaded: Stack | undefined,
): Promise<readonly string[] | undefined> {
  if (!areFilesNamed(context)) return undefined;
  const stack = loaded ?? (await stackIfNeeded(context, true));
  if (stack === undefined) return undefined;
  const held = (await (await context.stacks()).get(stack.name))?.desired?.stack;
  const found = await stackContainers(await context.runtime(), stack.name, { all: true });
  const made = found.map(({ service }) => service);
  const known = new Set(held === undefined ? made : Object.keys({ ...held.services, ...held.disabled }));
  const declared = { ...stack.services, ...stack.disabled };
  const services = [...new Set([...known, ...made])].filter((name) => Object.hasOwn(declared, name));
  const isWhole = services.length === known.size && services.every((name) => known.has(name));
  return isWhole ? undefined : services;
}

function areFilesNamed({ globals, io }: Context): boolean {
  return globals.file.length > 0 || (io.env["COMPOSE_FILE"] ?? "") !== "";
}

/** As in Compose: of a stack that is not there, there is nothing to stop, and that is no failure. */
function isDoneWithoutContainers(request: Request, services: readonly string[]): boolean {
  if (request.do === "restart") return services.length === 0;
  return ["stop", "kill", "pause", "unpause", "rm", "down"].includes(request.do);
}

/**
 * In process nobody remembers the stack: its files say what it is, unless only a name was given. To the engine they
 * say which services there could be, should the stack not be there, and which volumes are not its own; it is held to
 * none of what they say.
 */
async function stackIfNeeded(context: Context, engineNeedsIt: boolean): Promise<Stack | undefined> {
  if (context.globals.projectName !== undefined && context.globals.file.length === 0) return undefined;
  if (context.target.kind !== "engine") return (await loadProject(context, { isQuiet: true })).stack;
  return engineNeedsIt ? loadQuietly(context) : undefined;
}
