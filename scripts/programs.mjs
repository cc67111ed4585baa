// The programs that run apart from the CLI's bundle, and how everything is bundled.
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { build } from "esbuild";
import { directImports } from "./direct-imports.mjs";

/** Name of the bundle -> entry. `programPath(name)` in src/lib finds it at run time. */
export const programs = {
  "kernel-worker": "src/runtime/engine/host/kernel-worker.ts",
  "tree-worker": "src/runtime/engine/build/tree-worker.ts",
  "dns-resolver": "src/runtime/engine/networks/resolver/dns-resolver.ts",
};

/** @type {import("esbuild").BuildOptions} */
export const bundleOptions = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  // Native add-ons cannot be bundled.
  external: ["koffi", "node-unix-socket"],
  // CommonJS packages inside an ESM bundle still call require.
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
  plugins: [directImports(), withoutSubcommandPrograms()],
  logLevel: "warning",
};

/** Commander can start a subcommand as a program of its own; we have none, and what that needs costs start time. */
function withoutSubcommandPrograms() {
  return {
    name: "without-subcommand-programs",
    setup(build) {
      build.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
        importer.includes("/node_modules/commander/") ? { path: "none", namespace: "none" } : undefined,
      );
      build.onLoad({ filter: /.*/, namespace: "none" }, () => ({ contents: "module.exports = {};" }));
    },
  };
}

/** For runs from sources (tests): each file is replaced whole, so that several runs may build at once. */
export async function buildPrograms() {
  const root = resolve(import.meta.dirname, "..");
  const outdir = resolve(root, "node_modules/.cache/stowage/programs");
  const { outputFiles } = await build({
    ...bundleOptions,
    absWorkingDir: root,
    entryPoints: programs,
    outdir,
    sourcemap: "inline",
    write: false,
  });
  for (const { path, contents } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.${process.pid}`, contents);
    renameSync(`${path}.${process.pid}`, path);
  }
}
