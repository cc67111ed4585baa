import { interpolate } from "./interpolate.ts";
import { parseYaml } from "./parse-yaml.ts";
import { ProblemList } from "./problem-list.ts";
import { SourceText } from "./source-text.ts";
import { isString, type Node } from "./source-tree.ts";
import { Variables } from "./variables.ts";

/** Where a Compose file's text names another file. */
export interface FileMention {
  readonly kind: "include" | "extends" | "env_file" | "label_file";
  /** As written, variables put in. */
  readonly path: string;
  /** Offsets of the written path, its quotes included. */
  readonly start: number;
  readonly end: number;
}

/** The files that one Compose file, which loads, names; a path that an anchor shares is named once. In the order of the text. */
export async function fileMentionsIn(
  text: string,
  environment: Readonly<Record<string, string>>,
): Promise<readonly FileMention[]> {
  const problems = new ProblemList();
  const run = { variables: Variables.ofEnvironment(environment), problems };
  const found = new Map<number, FileMention>();
  const add = (kind: FileMention["kind"], node: Node | undefined) => {
    if (node?.kind === "list") for (const item of node.items) add(kind, item);
    if (node?.kind === "map") add(kind, node.get(kind === "extends" ? "file" : "path"));
    if (!isString(node)) return;
    const { start, end } = node.origin;
    found.set(start, { kind, path: node.value, start, end });
  };
  for (const { root } of await parseYaml(new SourceText("", text), problems)) {
    const model = interpolate(root, run);
    if (model.kind !== "map") continue;
    add("include", model.get("include"));
    const services = model.get("services");
    if (services?.kind !== "map") continue;
    for (const { value: service } of services.entries.values()) {
      if (service.kind !== "map") continue;
      // A plain text names a service of the same file.
      if (service.get("extends")?.kind === "map") add("extends", service.get("extends"));
      add("env_file", service.get("env_file"));
      add("label_file", service.get("label_file"));
    }
  }
  return [...found.values()].sort((a, b) => a.start - b.start);
}
