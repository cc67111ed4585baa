// Turns bundled ES modules into CommonJS ones and packs those that most commands need into one file: Node loads a
// CommonJS file in a fraction of the time that its ESM loader takes, and finding two dozen small files costs more
// than reading them. What V8 compiles of the packed ones is kept beside them (code-cache.mjs).
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { transform } from "esbuild";
import { codeCacheName } from "./code-cache.mjs";

/**
 * Everything below `from`, converted, at the same places below `to`. `sources` are the sources whose bundles are
 * packed, with all that they import; `outputs` is the bundler's account of what it made.
 */
export async function toCommonJs(from, to, { sources, outputs }) {
  const hot = closureOf(sources, outputs);
  const files = readdirSync(from, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".js"),
  );
  const converted = await Promise.all(files.map(async (file) => [file, await convert(join(from, file))]));
  mkdirSync(join(to, "chunks"), { recursive: true });
  const packed = new Map();
  for (const [file, { code, map, usesUrl }] of converted) {
    if (hot.has(basename(file)) && !usesUrl) {
      packed.set(basename(file), code);
      // For those that are not packed, and for programs of their own: they ask for a file.
      const up = dirname(file) === "." ? "." : "..";
      writeFileSync(join(to, file), `module.exports=require("${up}/packed.js")("./${basename(file)}");\n`);
      continue;
    }
    writeFileSync(join(to, file), `${code}//# sourceMappingURL=${basename(file)}.map\n`);
    writeFileSync(join(to, `${file}.map`), map);
  }
  const bodies = bodiesOf(packed);
  writeFileSync(join(to, "bodies.js"), bodies);
  writeFileSync(join(to, "packed.js"), loaderOf(bodies));
  writeFileSync(join(to, "package.json"), `${JSON.stringify({ type: "commonjs" })}\n`);
}

/** Base names of what the sources became, and of what that imports at once. */
function closureOf(sources, outputs) {
  const found = new Set();
  const visit = (path) => {
    if (found.has(path) || outputs[path] === undefined) return;
    found.add(path);
    for (const { path: next, kind } of outputs[path].imports) if (kind === "import-statement") visit(next);
  };
  for (const [path, { entryPoint }] of Object.entries(outputs)) if (sources.includes(entryPoint)) visit(path);
  return new Set([...found].map((path) => basename(path)));
}

/** A script whose value has a function for each packed module. */
function bodiesOf(packed) {
  const bodies = [...packed].map(([name, code]) => `"./${name}"(module,exports,require){${code}}`);
  return `"use strict";({\n${bodies.join(",\n")}\n})\n`;
}

/** A module that gives out the packed ones by name, each run once, when first asked for. */
function loaderOf(bodies) {
  return `"use strict";
const {existsSync,readFileSync}=require("node:fs");
const {Script}=require("node:vm");
const filename=__dirname+"/bodies.js";
const cache=__dirname+"/${codeCacheName(bodies)}";
// Of another Node, V8 refuses it and compiles as ever.
const cachedData=existsSync(cache)?readFileSync(cache):undefined;
const bodies=new Script(readFileSync(filename,"latin1"),{filename,cachedData}).runInThisContext();
const loaded=new Map();
module.exports=function load(name){
  const key="./"+name.slice(name.lastIndexOf("/")+1);
  const known=loaded.get(key);
  if(known)return known.exports;
  const body=bodies[key];
  if(!body)return require(name.startsWith(".")?"./chunks/"+key.slice(2):name);
  const made={exports:{}};
  loaded.set(key,made);
  body(made,made.exports,load);
  return made.exports;
};
`;
}

async function convert(source) {
  const text = readFileSync(source, "utf8").replace(/\/\/# sourceMappingURL=.*\n?$/, "");
  const map = readFileSync(`${source}.map`).toString("base64");
  const usesUrl = text.includes("import.meta.url");
  const result = await transform(`${text}\n//# sourceMappingURL=data:application/json;base64,${map}`, {
    loader: "js",
    format: "cjs",
    target: "node20.19",
    platform: "node",
    sourcefile: source,
    sourcemap: "external",
    sourcesContent: false,
    supported: { "dynamic-import": false },
    minifyWhitespace: true,
    minifySyntax: true,
    // Read as Latin-1, which needs no decoding.
    charset: "ascii",
    ...(usesUrl && {
      define: { "import.meta.url": "importMetaUrl" },
      banner: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;',
    }),
  });
  return { code: result.code, map: result.map, usesUrl };
}
