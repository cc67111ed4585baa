// Keeps what V8 makes of the packed modules: compiling them took a third of a command's own time. A command is run for it, so
// that the functions which it calls are among what is kept.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const SAMPLE = `name: sample
services:
  web:
    image: web
    command: [serve]
    environment: {LEVEL: "\${LEVEL:-info}"}
    ports: ["8080:80"]
    volumes: ["data:/data"]
    depends_on: [db]
  db:
    image: db
volumes:
  data:
`;

/** By its content: V8 itself would tell another script only by its length. */
export function codeCacheName(script) {
  return `bodies-${createHash("sha256").update(script).digest("hex").slice(0, 8)}.cache`;
}

/** Writes the cache of a built `dist`. Only this very Node takes it; another one compiles anew. */
export function makeCodeCache(dist) {
  const folder = mkdtempSync(join(tmpdir(), "stowage-code-cache-"));
  const target = join(resolve(dist), codeCacheName(readFileSync(join(dist, "bodies.js"))));
  try {
    writeFileSync(join(folder, "compose.yaml"), SAMPLE);
    execFileSync(process.execPath, ["-e", RECORDER, resolve(dist), target], {
      cwd: folder,
      env: {},
      stdio: ["ignore", "ignore", "inherit"],
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs `config` and writes down what was compiled by then. */
const RECORDER = `
const vm = require("node:vm");
const { writeFileSync } = require("node:fs");
const [, dist, target] = process.argv;
let script;
vm.Script = class extends vm.Script {
  constructor(...options) {
    super(...options);
    script = this;
  }
};
process.on("exit", () => writeFileSync(target, script.createCachedData()));
process.argv = [process.execPath, "stowage", "config"];
require(dist + "/stowage.js");
`;
