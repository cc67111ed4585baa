import { compareText } from "./merge-rules.ts";
import { type VariableMention, variablesIn } from "./substitute.ts";

export type { VariableMention };

/** Every variable that the texts of a model name (one that `loadPlainModel` gives, variables not put in), by name. */
export function variablesOfModel(model: unknown): readonly VariableMention[] {
  const found = new Map<string, VariableMention>();
  collect(model, found);
  return [...found.values()].sort((a, b) => compareText(a.name, b.name));
}

function collect(value: unknown, found: Map<string, VariableMention>): void {
  if (typeof value === "string") {
    if (value.includes("$")) for (const mention of variablesIn(value)) found.set(mention.name, mention);
  } else if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) collect(inner, found);
  }
}
