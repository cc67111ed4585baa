import { Bug } from "../lib/bug.ts";
import type { Step } from "./plan.ts";

/** Steps in an order in which they could be done; an edge to a later or unknown step is a bug of the planner. */
export class StepList {
  readonly #steps: Step[] = [];
  readonly #ids = new Set<string>();

  /** The step's id. Repeated and absent edges are dropped. */
  add<S extends Step>(step: Omit<S, "after"> & { readonly after: readonly (string | undefined)[] }): string {
    const after = [...new Set(step.after)].filter((id) => id !== undefined);
    const unknown = after.find((id) => !this.#ids.has(id));
    if (unknown !== undefined) throw new Bug(`Step ${step.id} waits for ${unknown}, which is not before it`);
    if (this.#ids.has(step.id)) throw new Bug(`Step ${step.id} is planned twice`);
    this.#ids.add(step.id);
    this.#steps.push({ ...step, after } as unknown as Step);
    return step.id;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  all(): readonly Step[] {
    return this.#steps;
  }
}
