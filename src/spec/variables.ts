import type { Origin, VariableUse } from "./source-tree.ts";

export interface Variable {
  readonly value: string;
  /** "the environment", or the file that set it. */
  readonly from: string;
  /** Where in the file. */
  readonly at?: Origin;
  /** The file's text, and what was put into it, where that made the value. */
  readonly template?: string;
  readonly variables?: readonly VariableUse[];
  /** A default with another value that this one beat. */
  readonly beaten?: Variable;
}

/** The variables that texts may name, each with where its value came from. Layers below give defaults only. */
export class Variables {
  readonly #values: Map<string, Variable>;

  constructor(values: Iterable<readonly [string, Variable]> = []) {
    this.#values = new Map(values);
  }

  static ofEnvironment(environment: Readonly<Record<string, string | undefined>>): Variables {
    const values = new Map<string, Variable>();
    for (const [name, value] of Object.entries(environment)) {
      if (value !== undefined && name !== "") values.set(name, { value, from: "the environment" });
    }
    return new Variables(values);
  }

  find(name: string): Variable | undefined {
    return this.#values.get(name);
  }

  value(name: string): string | undefined {
    return this.#values.get(name)?.value;
  }

  entries(): Iterable<readonly [string, Variable]> {
    return this.#values;
  }

  /** These win over `defaults`, and remember what they beat. */
  withDefaults(defaults: Iterable<readonly [string, Variable]>): Variables {
    const values = new Map(defaults);
    for (const [name, variable] of this.#values) {
      const beaten = values.get(name);
      const isShadowing =
        beaten !== undefined && beaten.value !== variable.value && variable.beaten === undefined;
      values.set(name, isShadowing ? { ...variable, beaten } : variable);
    }
    return new Variables(values);
  }

  with(name: string, variable: Variable): Variables {
    return new Variables([...this.#values, [name, variable]]);
  }
}

/** A variable's use, as a value's history keeps it. */
export function useOf(name: string, variable: Variable | undefined): VariableUse {
  return { name, value: variable?.value, from: variable?.from, at: variable?.at };
}
