import { parseEnvFile } from "./parse-env-file.ts";
import type { Scope } from "./scope.ts";
import type { Origin } from "./source-tree.ts";
import type { Variable, Variables } from "./variables.ts";

/** The scope's variables with what env files add; undefined when one cannot be read. A later file wins over an earlier. */
export async function readEnvFiles(
  files: readonly { readonly path: string; readonly at?: Origin }[],
  scope: Pick<Scope, "files" | "problems" | "variables">,
): Promise<Variables | undefined> {
  const added = new Map<string, Variable>();
  let isWhole = true;
  for (const { path, at } of files) {
    const source = await scope.files.read(path, { at, what: "The env file" });
    if (source === undefined) isWhole = false;
    else {
      const lookup = (name: string) => scope.variables.value(name) ?? added.get(name)?.value;
      parseEnvFile(source, { into: added, lookup, problems: scope.problems });
    }
  }
  return isWhole ? scope.variables.withDefaults(added) : undefined;
}
