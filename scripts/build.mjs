// Bundles src into dist: one small CLI file with lazy chunks, and the programs that run apart from it.
import { chmodSync, cpSync, existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { makeCodeCache } from "./code-cache.mjs";
import { bundleOptions, programs } from "./programs.mjs";
import { toCommonJs } from "./to-commonjs.mjs";

const outdir = process.argv[2] ?? "dist";
// Chunks can only be made of ES modules; `dist` gets them as CommonJS, which loads faster.
const modules = `node_modules/.cache/stowage/modules.${process.pid}`;
// What everyday commands load.
const hot = [
  "src/cli/main.ts",
  "src/cli/ensure-daemon.ts",
  "src/cli/commands/ps.ts",
  "src/cli/commands/up.ts",
  "src/cli/commands/config.ts",
  "src/cli/commands/down.ts",
  "src/cli/commands/exec.ts",
  "src/cli/commands/image-build.ts",
  "src/cli/commands/logs.ts",
  "src/spec/index.ts",
  "src/daemon/client.ts",
  "src/runtime/docker/index.ts",
];

await import("./generate.mjs");
const options = {
  ...bundleOptions,
  banner: {},
  outdir: modules,
  sourcemap: "linked",
  legalComments: "linked",
  // A third less to read and compile at each start; names stay, for stack traces.
  minifyWhitespace: true,
  minifySyntax: true,
};
const { metafile } = await build({
  ...options,
  metafile: true,
  entryPoints: { stowage: "src/cli/main.ts" },
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
});
// Whole each: with a file in common with the CLI they would load all that is packed.
await build({ ...options, entryPoints: programs });
// Made beside it and put in its place at once: whoever runs it meanwhile finds the old one or the new one, whole.
const fresh = `${outdir}.${process.pid}`;
await toCommonJs(modules, fresh, { sources: hot, outputs: metafile.outputs });
for (const file of readdirSync(modules, { recursive: true, encoding: "utf8" })) {
  if (file.endsWith(".LEGAL.txt")) cpSync(join(modules, file), join(fresh, file));
}
makeCodeCache(fresh);
// For editors: the schema that files are checked by.
cpSync("src/spec/compose-spec.json", join(fresh, "compose.schema.json"));
const old = `${fresh}.old`;
if (existsSync(outdir)) renameSync(outdir, old);
renameSync(fresh, outdir);
rmSync(old, { recursive: true, force: true });
rmSync(modules, { recursive: true, force: true });
chmodSync("bin/stowage", 0o755);
