import type { Problem, RelatedPlace } from "./problem.ts";
import { type Origin, type Path, pathText } from "./source-tree.ts";

export interface ReportDetails {
  readonly at?: Origin | undefined;
  readonly path?: Path | undefined;
  readonly hint?: string | undefined;
  readonly related?: readonly { readonly at: Origin; readonly message: string }[] | undefined;
}

/** Nobody reads on, and a hostile file could go on for ever. */
const MAX_PROBLEMS = 2000;
/** Longer lines are not shown. */
const MAX_LINE = 1000;

/** Collects what is found; the same thing said twice of one place is kept once. */
export class ProblemList {
  readonly #problems: Problem[] = [];
  readonly #seen = new Set<string>();
  #errors = 0;

  get errors(): number {
    return this.#errors;
  }

  get all(): readonly Problem[] {
    return this.#problems;
  }

  /** Whether something is wrong with just this value. */
  hasErrorAt(path: Path): boolean {
    const text = pathText(path);
    return this.#problems.some((problem) => problem.severity === "error" && problem.path === text);
  }

  error(rule: string, message: string, details: ReportDetails = {}): void {
    this.#add("error", rule, message, details);
  }

  warning(rule: string, message: string, details: ReportDetails = {}): void {
    this.#add("warning", rule, message, details);
  }

  #add(severity: "error" | "warning", rule: string, message: string, details: ReportDetails): void {
    const { at, path, hint } = details;
    const identity = `${severity} ${rule} ${at?.source.name} ${at?.start} ${message}`;
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    if (severity === "error") this.#errors += 1;
    if (this.#problems.length >= MAX_PROBLEMS) return;
    const place = at?.source.placeOf(at.start, at.end);
    this.#problems.push({
      rule,
      severity,
      message,
      ...(place !== undefined && { place, ...sourceLine(at, place.line) }),
      ...(path !== undefined && path.length > 0 && { path: pathText(path) }),
      ...(hint !== undefined && { hint }),
      ...relatedPlaces(details),
    });
  }
}

function sourceLine(at: Origin | undefined, line: number): { source?: string } {
  const source = at?.source.lineText(line) ?? "";
  return source.length > MAX_LINE ? {} : { source };
}

function relatedPlaces(details: ReportDetails): { related?: readonly RelatedPlace[] } {
  if (details.related === undefined || details.related.length === 0) return {};
  return {
    related: details.related.map(({ at, message }) => ({
      place: at.source.placeOf(at.start, at.end),
      message,
    })),
  };
}
