import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadStack, type Stack } from "../../src/spec/index.ts";

/** A case's Compose file as if it lay in /srv/shop; any other path is a missing file. */
export async function loadCase(folder: string): Promise<Stack> {
  const text = readFileSync(join(folder, "compose.yaml"));
  const file = "/srv/shop/compose.yaml";
  const { stack, problems } = await loadStack({
    files: [file],
    startDirectory: "/srv/shop",
    projectName: "shop",
    environment: {},
    disk: {
      readFile: async (path) => {
        if (path === file) return text;
        throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
      },
      kindOf: async (path) => (path === file ? "file" : undefined),
      realPath: async (path) => path,
    },
  });
  if (stack === undefined) throw new Error(problems.map(({ message }) => message).join("\n"));
  return stack;
}
