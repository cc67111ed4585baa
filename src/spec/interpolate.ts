import { CASTS, type Cast } from "./casts.ts";
import { type PatternNode, stepItem, stepKey } from "./path-pattern.ts";
import type { ProblemList } from "./problem-list.ts";
import {
  Broken,
  mapEntries,
  mapItems,
  type Node,
  type Origin,
  type Path,
  Scalar,
  type VariableUse,
} from "./source-tree.ts";
import { substitute, type TemplateFault } from "./substitute.ts";
import { useOf, type Variable, type Variables } from "./variables.ts";

export interface Interpolation {
  readonly variables: Variables;
  readonly problems: ProblemList;
}

/** Puts variables into every text value (never a key), then makes numbers and booleans of texts where those belong. */
export function interpolate(root: Node, run: Interpolation): Node {
  return walk(root, [], CASTS, run);
}

function walk(node: Node, path: Path, casts: PatternNode<Cast> | undefined, run: Interpolation): Node {
  switch (node.kind) {
    case "scalar":
      return node.type === "string" ? scalar(node, path, casts?.rule, run) : node;
    case "map":
      return mapEntries(node, (value, key) => walk(value, [...path, key], stepKey(casts, key), run));
    case "list":
      return mapItems(node, (value, index) => walk(value, [...path, index], stepItem(casts), run));
    case "broken":
      return node;
  }
}

function scalar(node: Scalar, path: Path, cast: Cast | undefined, run: Interpolation): Node {
  const template = String(node.value);
  const filled = template.includes("$") ? fill(node, template, path, run) : node;
  if (cast === undefined || filled.kind === "broken") return filled;
  return castScalar(filled, cast, path, run);
}

function fill(node: Scalar, template: string, path: Path, run: Interpolation): Scalar | Broken {
  const uses: VariableUse[] = [];
  const placeIn = (name: string) =>
    placeInScalar(node.origin, template, template.indexOf(name) - 1, name.length + 1);
  const { value, faults } = substitute(template, {
    lookup: (name) => {
      const found = run.variables.find(name);
      uses.push(useOf(name, found));
      if (found?.beaten !== undefined) warnShadowed(name, found, placeIn(name), run.problems);
      return found?.value;
    },
    onUnset: (name, at) =>
      run.problems.warning(
        "variable/unset",
        `The variable "${name}" is not set, an empty text stands for it`,
        {
          at: placeInScalar(node.origin, template, at, name.length + 1),
          path,
          hint: `give it a default: \${${name}:-...}`,
        },
      ),
  });
  for (const fault of faults) reportFault(fault, node, template, path, run.problems);
  if (faults.length > 0) return new Broken(node.origin);
  return new Scalar(value, "string", node.origin, { template, variables: uses });
}

/** Once a variable: the file that people look at does not say what holds. */
function warnShadowed(
  name: string,
  { value, beaten, from }: Variable,
  at: Origin,
  problems: ProblemList,
): void {
  if (beaten === undefined || SETTINGS.test(name)) return;
  problems.warning("variable/shadowed", `${name} is "${value}" in ${from}, which wins over ${beaten.from}`, {
    at: beaten.at ?? at,
    hint: "unset it there, or change it here",
    related: beaten.at === undefined ? [] : [{ at, message: "used here" }],
  });
}

const SETTINGS = /^(?:PATH|HOME|USER|PWD|SHELL)$/;

function castScalar(node: Scalar, cast: Cast, path: Path, run: Interpolation): Node {
  const text = String(node.value);
  const value = cast.convert(text);
  if (value === undefined) {
    const shown = text === "" ? "an empty text" : `"${text}"`;
    run.problems.error("value/type", `${nameOf(path)} must be ${cast.wants}, not ${shown}`, {
      at: node.origin,
      path,
      hint: variableHint(node),
    });
    return new Broken(node.origin);
  }
  if (cast.isOutdated?.(text)) {
    run.problems.warning("value/old-boolean", `"${text}" is no boolean in YAML 1.2`, {
      at: node.origin,
      path,
      hint: `write ${value}`,
    });
  }
  return new Scalar(value, cast.type, node.origin, node.history);
}

export function nameOf(path: Path): string {
  const last = path.at(-1);
  if (typeof last !== "number") return String(last ?? "The value");
  return `${nameOf(path.slice(0, -1))}[${last}]`;
}

/** For a value that variables made: what they were. */
export function variableHint(node: Scalar): string | undefined {
  const parts = (node.history?.variables ?? []).map(({ name, value }) =>
    value === undefined ? `${name} is not set` : `${name} is "${value}"`,
  );
  return parts.length === 0 ? undefined : parts.join(", ");
}

function reportFault(
  fault: TemplateFault,
  node: Scalar,
  template: string,
  path: Path,
  problems: ProblemList,
): void {
  const length = fault.kind === "format" ? fault.length : 2 + ("name" in fault ? fault.name.length : 0);
  const at = placeInScalar(node.origin, template, fault.at, length);
  if (fault.kind === "required") {
    const reason = fault.message === "" ? "" : `: ${fault.message}`;
    problems.error("variable/required", `The variable "${fault.name}" must be set${reason}`, { at, path });
  } else if (fault.kind === "depth") {
    problems.error("variable/depth", "Too many defaults within defaults", { at, path });
  } else {
    const shown = template.slice(fault.at, fault.at + Math.min(fault.length, 40));
    problems.error("variable/format", `"${shown}" is no variable`, {
      at,
      path,
      hint: "write $$ for a dollar sign",
    });
  }
}

/**
 * The place of the dollar sign at `offset` of a scalar's value: the same one, counted, in its text, since quotes,
 * escapes and folded lines put characters elsewhere but keep dollar signs in order.
 */
export function placeInScalar(origin: Origin, value: string, offset: number, length: number): Origin {
  let count = 0;
  for (let at = value.indexOf("$"); at >= 0 && at < offset; at = value.indexOf("$", at + 1)) count += 1;
  const { text } = origin.source;
  let at = text.indexOf("$", origin.start);
  while (count > 0 && at >= 0 && at < origin.end) {
    at = text.indexOf("$", at + 1);
    count -= 1;
  }
  if (at < 0 || at >= origin.end) return origin;
  return { source: origin.source, start: at, end: Math.min(at + length, origin.end) };
}
