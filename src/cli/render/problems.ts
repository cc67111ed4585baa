import { relative } from "node:path";
import { leadsOut } from "../../lib/leads-out.ts";
import type { Place, Problem } from "../../spec/index.ts";
import { escapeControls, type Palette, paint } from "./paint.ts";

export interface ProblemStyle {
  readonly isColoured: boolean;
  /** Files below it are shown relative to it. */
  readonly cwd: string;
}

/** Every problem with its place, the line it is on with a caret, and what to do about it. */
export function renderProblems(problems: readonly Problem[], style: ProblemStyle): string {
  const palette = paint(style.isColoured);
  return problems.map((problem) => renderProblem(problem, style, palette)).join("");
}

function renderProblem(problem: Problem, style: ProblemStyle, palette: Palette): string {
  const word = problem.severity === "error" ? palette.red("error") : palette.yellow("warning");
  const where = problem.place === undefined ? "" : `${palette.bold(placeText(problem.place, style.cwd))}: `;
  const lines = [`${where}${word}: ${escapeControls(problem.message)} ${palette.dim(`[${problem.rule}]`)}`];
  if (problem.place !== undefined && problem.source !== undefined) {
    const source = escapeControls(problem.source.replaceAll("\t", " "));
    const length = Math.max(1, (problem.place.endColumn ?? problem.place.column + 1) - problem.place.column);
    const gutter = `${String(problem.place.line).padStart(4)} | `;
    lines.push(
      `${palette.dim(gutter)}${source}`,
      `${" ".repeat(gutter.length - 2)}${palette.dim("| ")}${" ".repeat(problem.place.column - 1)}${palette.red("^".repeat(length))}`,
    );
  }
  if (problem.hint !== undefined) lines.push(`       ${palette.cyan(escapeControls(problem.hint))}`);
  for (const { place, message } of problem.related ?? []) {
    lines.push(`       ${placeText(place, style.cwd)}: ${escapeControls(message)}`);
  }
  return `${lines.join("\n")}\n`;
}

export function placeText({ file, line, column }: Place, cwd: string): string {
  const near = relative(cwd, file);
  const shown = file === "-" ? "<stdin>" : leadsOut(near) || near === "" ? file : near;
  return `${escapeControls(shown)}:${line}:${column}`;
}
