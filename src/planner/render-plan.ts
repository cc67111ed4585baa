import type { FieldChange, Plan, Reason } from "./plan.ts";

/** A plan as text, for people and for goldens. Ends with a newline. */
export function renderPlan(plan: Plan): string {
  const { steps, problems, hazards, notes, stackName } = plan;
  const lines = [`stack ${stackName}: ${countOf(steps.length, problems.length)}`];
  const numbers = new Map(steps.map((step, index) => [step.id, index + 1]));
  const idWidth = Math.max(0, ...steps.map(({ id }) => id.length));
  const causeWidth = Math.max(0, ...steps.map(({ reason }) => reason.cause.length));
  const numberWidth = String(steps.length).length;
  for (const step of steps) {
    const number = String(numbers.get(step.id)).padStart(numberWidth);
    const after = step.after.map((id) => numbers.get(id)).sort((a = 0, b = 0) => a - b);
    const tail = after.length === 0 ? "" : `  after ${ranges(after)}`;
    const optional = step.isOptional === true ? "  (optional)" : "";
    const text = ` ${number}  ${step.id.padEnd(idWidth)}  ${step.reason.cause.padEnd(causeWidth)}${tail}${optional}`;
    lines.push(text.trimEnd(), ...changeLines(step.reason, numberWidth));
  }
  for (const { path, message } of problems) lines.push(`problem: ${at(path)}${message}`);
  for (const { kind, message } of hazards) lines.push(`hazard: ${kind}: ${message}`);
  for (const { message } of notes) lines.push(`note: ${message}`);
  return `${lines.join("\n")}\n`;
}

function countOf(steps: number, problems: number): string {
  if (problems > 0) return `${problems} ${problems === 1 ? "problem" : "problems"}, nothing can be done`;
  if (steps === 0) return "nothing to do";
  return `${steps} ${steps === 1 ? "step" : "steps"}`;
}

function at(path: string | undefined): string {
  return path === undefined ? "" : `${path}: `;
}

/** `1 2 3 7` as `1-3 7`. */
function ranges(numbers: readonly (number | undefined)[]): string {
  const parts: string[] = [];
  let first: number | undefined;
  let last: number | undefined;
  const flush = () => {
    if (first === undefined || last === undefined) return;
    if (first === last) parts.push(String(first));
    else parts.push(last === first + 1 ? `${first} ${last}` : `${first}-${last}`);
  };
  for (const number of numbers) {
    if (number === undefined) continue;
    if (last !== undefined && number === last + 1) last = number;
    else {
      flush();
      first = number;
      last = number;
    }
  }
  flush();
  return parts.join(" ");
}

function changeLines({ changes = [] }: Reason, numberWidth: number): readonly string[] {
  const indent = " ".repeat(numberWidth + 7);
  return changes.map((change) => `${indent}${change.field}: ${valueText(change)}`);
}

function valueText({ from, to }: FieldChange): string {
  if (from === undefined) return `added ${to}`;
  if (to === undefined) return `removed, was ${from}`;
  return `${from} -> ${to}`;
}
