// Makes the files that are computed from others, before a build or a test: *.generated.* (never committed).
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";

await generateSchemaValidator();

/** The Compose schema as code: compiling it at run time costs seconds. */
async function generateSchemaValidator() {
  const schemaFile = "src/spec/compose-spec.json";
  const target = "src/spec/compose-schema.generated.ts";
  if (isNewer(target, schemaFile) && isNewer(target, "scripts/generate.mjs")) return;
  const [{ Ajv }, { default: standaloneCode }] = await Promise.all([
    import("ajv"),
    import("ajv/dist/standalone/index.js"),
  ]);
  const schema = JSON.parse(readFileSync(schemaFile, "utf8"));
  delete schema.$schema;
  dropProse(schema);
  const ajv = new Ajv({
    allErrors: true,
    messages: false,
    strict: false,
    strictNumbers: false,
    inlineRefs: false,
    code: { source: true, esm: true },
  });
  const code = standaloneCode
    .default(ajv, ajv.compile(schema))
    .replaceAll('require("ajv/dist/runtime/equal").default', "sameValue")
    .replaceAll('"use strict";', "");
  if (code.includes("require(")) throw new Error("The schema's code needs a module that it cannot import");
  writeFileSync(
    target,
    `// @ts-nocheck
// Made by scripts/generate.mjs from compose-spec.json.
import { sameValue } from "./same-value.ts";
${code}`,
  );
}

function isNewer(target, source) {
  return existsSync(target) && statSync(target).mtimeMs >= statSync(source).mtimeMs;
}

/** Descriptions would be carried along by the code. */
function dropProse(schema) {
  if (typeof schema !== "object" || schema === null) return;
  for (const key of ["description", "$comment", "title", "deprecated"]) {
    if (typeof schema[key] === "string" || key === "deprecated") delete schema[key];
  }
  for (const value of Object.values(schema)) dropProse(value);
}
