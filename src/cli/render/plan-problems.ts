import { readFile } from "node:fs/promises";
import type { Plan } from "../../planner/index.ts";
import type { LoadResult, Place, Problem, Stack } from "../../spec/index.ts";
import { type ProblemStyle, renderProblems } from "./problems.ts";

export interface PlannedFrom {
  readonly stack: Stack;
  readonly placeOf: LoadResult["placeOf"];
}

/** What makes a plan impossible, and what it leaves undone, at the places in the files that say so. */
export async function renderPlanProblems(
  plan: Plan,
  from: PlannedFrom,
  style: ProblemStyle,
): Promise<string> {
  const errors = plan.problems.map(({ kind, message, path }) => ({
    rule: `plan/${kind}`,
    severity: "error" as const,
    message: path === undefined ? message : `${path}: ${message}`,
    path,
  }));
  const warnings = plan.hazards
    .filter(({ kind, path }) => kind === "no-effect" && path !== undefined)
    .map(({ message, path }) => ({
      rule: "plan/no-effect",
      severity: "warning" as const,
      message,
      path,
    }));
  const placed = await Promise.all([...errors, ...warnings].map((problem) => withPlace(problem, from)));
  return renderProblems(placed, style);
}

async function withPlace(
  { path, ...problem }: Omit<Problem, "path"> & { readonly path: string | undefined },
  { stack, placeOf }: PlannedFrom,
): Promise<Problem> {
  const place = path === undefined ? undefined : placeOf(keysOf(path, stack));
  if (place === undefined) return problem;
  const source = await lineAt(place);
  return { ...problem, place, ...(source !== undefined && { source }) };
}

/** `services.web.v2.ports[0]` as its keys; a name may have dots in it. */
function keysOf(path: string, stack: Stack): readonly (string | number)[] {
  const [section = ""] = path.split(".", 1);
  const rest = path.slice(section.length + 1);
  const names = Object.keys(section in stack ? (stack[section as keyof Stack] as object) : {});
  const name = names
    .filter((one) => rest === one || rest.startsWith(`${one}.`) || rest.startsWith(`${one}[`))
    .reduce((longest, one) => (one.length > longest.length ? one : longest), "");
  const tail = rest.slice(name.length).match(/\[\d+\]|[^.[\]]+/g) ?? [];
  const keys = tail.map((key) => (key.startsWith("[") ? Number(key.slice(1, -1)) : key));
  return name === "" ? [section, ...keys] : [section, name, ...keys];
}

async function lineAt({ file, line }: Place): Promise<string | undefined> {
  if (file === "-") return undefined;
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text?.split("\n")[line - 1]?.replace(/\r$/, "");
}
