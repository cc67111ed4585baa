import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const SRC = resolve(import.meta.dirname, "../src");

/** Which unit may import which (DESIGN section 3). A unit is the longest matching folder. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  lib: [],
  spec: ["lib"],
  runtime: ["lib"],
  "runtime/docker-api": ["runtime", "lib"],
  "runtime/docker": ["runtime", "runtime/docker-api", "lib"],
  "runtime/dockerfile": ["runtime", "lib"],
  "runtime/engine": ["runtime", "runtime/dockerfile", "lib"],
  "runtime/memory": ["runtime", "lib"],
  planner: ["spec", "runtime", "lib"],
  reconciler: ["planner", "spec", "runtime", "lib"],
  server: ["runtime", "runtime/docker-api", "runtime/dockerfile", "lib"],
  daemon: [
    "server",
    "reconciler",
    "planner",
    "spec",
    "runtime",
    "runtime/engine",
    "runtime/docker",
    "runtime/docker-api",
    "runtime/memory",
    "lib",
  ],
  cli: [
    "daemon",
    "reconciler",
    "planner",
    "spec",
    "runtime",
    "runtime/engine",
    "runtime/docker",
    "runtime/dockerfile",
    "runtime/memory",
    "lib",
  ],
};

/** Packages that live in one place only. */
const HOME: Record<string, readonly string[]> = {
  yaml: ["spec"],
  ajv: ["spec"],
  commander: ["cli"],
  listr2: ["cli"],
  "p-queue": ["runtime/engine", "reconciler"],
  koffi: ["runtime/engine"],
  "node-unix-socket": ["runtime/engine"],
  "dns-packet": ["runtime/engine"],
  ws: ["server"],
};

/**
 * Doors besides index.ts: `daemon/client.ts` asks a running daemon without loading an engine; `daemon/daemon-paths.ts`
 * says where it would be without loading what asks, which every command would pay for.
 */
const SECOND_DOORS = new Set(["daemon/client.ts", "daemon/daemon-paths.ts"]);

const units = Object.keys(MAY_IMPORT).sort((a, b) => b.length - a.length);

function unitOf(path: string): string {
  const unit = units.find((name) => path.startsWith(`${name}/`));
  if (unit === undefined) throw new Error(`${path} lies in no unit of the import table`);
  return unit;
}

interface Import {
  readonly file: string;
  readonly target: string;
  readonly isTypeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), "utf8");
  const found: Import[] = [];
  const pattern =
    /^\s*(?:import|export)\s+(type\s)?[^"';]*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"|import\("([^"]+)"\)/gm;
  for (const match of text.matchAll(pattern)) {
    const target = match[2] ?? match[3] ?? match[4];
    if (target !== undefined) found.push({ file, target, isTypeOnly: match[1] !== undefined });
  }
  return found;
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .sort();

describe("architecture", () => {
  it("imports only what the table allows, through the doors", () => {
    const breaches: string[] = [];
    for (const { file, target } of files.flatMap(importsOf)) {
      if (!target.startsWith(".")) continue;
      const path = relative(SRC, resolve(SRC, dirname(file), target));
      if (path.startsWith("..")) {
        if (path !== "../package.json") breaches.push(`${file} imports ${target}, outside src`);
        continue;
      }
      const [from, to] = [unitOf(file), unitOf(path)];
      if (from === to) continue;
      if (!MAY_IMPORT[from]?.includes(to)) breaches.push(`${file}: ${from} may not import ${to}`);
      else if (to !== "lib" && path !== `${to}/index.ts` && !SECOND_DOORS.has(path))
        breaches.push(`${file} goes round the door of ${to}: ${path}`);
    }
    expect(breaches).toEqual([]);
  });

  it("keeps packages in their homes", () => {
    const breaches: string[] = [];
    for (const { file, target } of files.flatMap(importsOf)) {
      if (target.startsWith(".") || target.startsWith("node:")) continue;
      const parts = target.split("/");
      const name = target.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? target);
      const homes = HOME[name];
      const unit = unitOf(file);
      if (homes !== undefined && !homes.includes(unit)) breaches.push(`${file} imports ${name}`);
    }
    expect(breaches).toEqual([]);
  });

  it("keeps spec and planner pure", () => {
    const forbidden =
      /\b(Date\.now|new Date\(\)|Math\.random|process\.(env|cwd|stdout|stderr)|console\.)|from "node:(fs|child_process|net|http|os|worker_threads)/;
    const breaches = files
      .filter((file) => file.startsWith("spec/") || file.startsWith("planner/"))
      .filter((file) => forbidden.test(readFileSync(join(SRC, file), "utf8")));
    expect(breaches).toEqual([]);
  });
});
