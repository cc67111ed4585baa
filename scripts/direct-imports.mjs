// A bundler plugin: imports through a door of a folder (index.ts, client.ts) become imports of the files behind it.
// The bundler decides per file, not per name, which chunk something goes to: one name taken from a door
// would make a command load the whole folder.
import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";

const IMPORT = /^import\s+\{([^}]*)\}\s+from\s+"([^"]+\/(?:index|client)\.ts)";/gm;

/** @returns {import("esbuild").Plugin} */
export function directImports() {
  const findExport = exportFinder();
  return {
    name: "direct-imports",
    setup(build) {
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, "utf8");
        const contents = text.replaceAll(IMPORT, (statement, names, door) =>
          rewritten({ statement, names, path, doorPath: resolve(dirname(path), door) }, findExport),
        );
        return { contents, loader: "ts" };
      });
    },
  };
}

function rewritten({ statement, names, path, doorPath }, findExport) {
  const byFile = new Map();
  for (const specifier of names.split(",").map((part) => part.trim())) {
    if (specifier === "" || specifier.startsWith("type ")) continue;
    const [name] = specifier.split(/\s+as\s+/);
    const file = findExport(doorPath, name) ?? doorPath;
    byFile.set(file, [...(byFile.get(file) ?? []), specifier]);
  }
  const imports = [...byFile].map(([file, specifiers]) => {
    const target = relative(dirname(path), file);
    return `import { ${specifiers.join(", ")} } from "${target.startsWith(".") ? target : `./${target}`}";`;
  });
  // Lines keep their numbers, for the source map.
  return imports.join(" ") + "\n".repeat(statement.split("\n").length - 1);
}

/** The file that declares what a door passes on under a name; undefined when that cannot be told. */
function exportFinder() {
  const cache = new Map();
  return function find(file, name) {
    const key = `${file} ${name}`;
    if (cache.has(key)) return cache.get(key);
    cache.set(key, undefined);
    const found = search(file, name, find);
    cache.set(key, found);
    return found;
  };
}

function search(file, name, find) {
  const text = readFileSync(file, "utf8");
  if (new RegExp(`^export\\s+(?:async\\s+)?(?:function\\*?|class|const|let)\\s+${name}\\b`, "m").test(text)) {
    return file;
  }
  for (const [, names, source] of text.matchAll(/^export\s+\{([^}]*)\}\s+from\s+"(\.[^"]+)";/gm)) {
    const specifiers = names.split(",").map((part) => part.trim());
    // A renamed export cannot be taken from its file under the same name.
    if (specifiers.includes(name)) return find(resolve(dirname(file), source), name);
  }
  for (const [, source] of text.matchAll(/^export\s+\*\s+from\s+"(\.[^"]+)";/gm)) {
    const found = find(resolve(dirname(file), source), name);
    if (found !== undefined) return found;
  }
  return undefined;
}
