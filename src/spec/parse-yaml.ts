import { parsePlainYaml } from "./parse-plain-yaml.ts";
import type { ProblemList } from "./problem-list.ts";
import type { SourceText } from "./source-text.ts";
import type { Node } from "./source-tree.ts";

export interface YamlDocument {
  readonly root: Node;
  /** Where `!reset` and `!override` stood: what earlier files say there is dropped. List items as their number in text. */
  readonly resets: readonly (readonly string[])[];
}

/**
 * All documents of one YAML text. Whatever is wrong is reported; what could still be understood is given back. Most files
 * need little of YAML and are read by the parser for that, several times faster; the others load the whole language.
 */
export async function parseYaml(source: SourceText, problems: ProblemList): Promise<readonly YamlDocument[]> {
  const plain = parsePlainYaml(source);
  if (plain !== undefined) return [{ root: plain, resets: [] }];
  const { parseFullYaml } = await import("./parse-full-yaml.ts");
  return await parseFullYaml(source, problems);
}
