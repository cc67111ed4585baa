import { mergeMappings } from "./merge-nodes.ts";
import { MERGE_RULES } from "./merge-rules.ts";
import { stepKey } from "./path-pattern.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Mapping } from "./source-tree.ts";

/** Lays one file's tree over another's, each attribute by its own rule; `over` is the later file. */
export function mergeTrees(base: Mapping, over: Mapping, problems: ProblemList): Mapping {
  if (base.entries.size === 0) return over;
  return mergeMappings(base, over, { path: [], rules: MERGE_RULES, problems });
}

/** Lays a service over the one that it extends. */
export function mergeService(name: string, base: Mapping, over: Mapping, problems: ProblemList): Mapping {
  const rules = stepKey(stepKey(MERGE_RULES, "services"), name);
  return mergeMappings(base, over, { path: ["services", name], rules, problems });
}
