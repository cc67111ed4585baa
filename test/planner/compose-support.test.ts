import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { SUPPORT, type SupportRow } from "../../src/planner/support.ts";
import { placeOf, probeWith, probeWithout, readings } from "./support/probe.ts";
import { SAMPLES, type Sample } from "./support/samples.ts";
import { schemaPaths } from "./support/schema-paths.ts";
import { supportDocument } from "./support/support-document.ts";

const CHECKOUT = resolve(import.meta.dirname, "../..");
const paths = schemaPaths();
const leaves = paths.filter((path) => !paths.some((other) => isBelow(other, path)));

function isBelow(path: string, parent: string): boolean {
  return path.startsWith(`${parent}.`) || path.startsWith(`${parent}[]`);
}

function rowsOf(path: string): readonly SupportRow[] {
  return SUPPORT.filter((row) => row.path === path || isBelow(path, row.path));
}

describe("every key of the Compose schema", () => {
  it("has a sample, and every sample and row a key", () => {
    const sampled = new Set(SAMPLES.map(({ path }) => path));
    expect(leaves.filter((path) => !sampled.has(path))).toEqual([]);
    expect([...sampled].filter((path) => !paths.includes(path))).toEqual([]);
    expect(SUPPORT.map(({ path }) => path).filter((path) => !paths.includes(path))).toEqual([]);
  });

  it("has samples of all that its rows say, and of its effect unless a row takes all of its values", () => {
    for (const path of leaves) {
      const rows = rowsOf(path);
      const outcomes = new Set<string>(
        SAMPLES.filter((sample) => sample.path === path).map(({ outcome }) => outcome),
      );
      for (const { effect } of rows.filter((row) => row.path === path))
        expect([...outcomes], path).toContain(effect);
      if (rows.length === 0) expect([...outcomes], path).toHaveLength(1);
    }
  });

  for (const sample of SAMPLES)
    it(`${sample.path}: ${JSON.stringify(sample.to)} is ${wordFor(sample)}`, () => check(sample));
});

function wordFor({ outcome }: Sample): string {
  return outcome === "effect" ? "carried out" : outcome === "loaded" ? "read" : outcome;
}

async function check(sample: Sample): Promise<void> {
  const { outcome } = sample;
  if (outcome === "loaded") return checkReading(sample);
  const { plan, effects } = await probeWith(sample);
  const place = sample.more.at ?? placeOf(sample.path);
  const isHere = (path = "") =>
    path === place || place.startsWith(`${path}.`) || place.startsWith(`${path}[`);
  const problems = plan.problems.filter(({ kind }) => kind !== "missing-external");
  const hazards = plan.hazards.filter(({ kind }) => kind === "no-effect");
  if (outcome === "refused") {
    expect(problems.map(({ kind, path }) => [kind, isHere(path)])).toEqual([["unsupported", true]]);
    return;
  }
  expect(problems).toEqual([]);
  expect(hazards.map(({ path }) => isHere(path))).toEqual(outcome === "ignored" ? [true] : []);
  if (outcome === "ignored" || plan.problems.length > 0) return;
  const without = await probeWithout(sample);
  if (outcome === "effect") expect(effects).not.toBe(without.effects);
  else expect(effects).toBe(without.effects);
}

/** A command reads it, or whoever loads the file is told something. */
async function checkReading(sample: Sample): Promise<void> {
  const { with: now, without } = await readings(sample);
  const { reader } = sample.more;
  const key = sample.path.split(".").findLast((part) => /^\w+$/.test(part)) ?? "";
  if (reader === undefined) {
    expect(now.problems).not.toEqual(without.problems);
    return;
  }
  expect(readFileSync(join(CHECKOUT, reader), "utf8")).toMatch(new RegExp(`\\b${key}\\b`));
  expect(now.stack).not.toEqual(without.stack);
}

describe("docs/compose-support.md", () => {
  it("says of every key what the table says (UPDATE=1 writes it anew)", () => {
    const file = join(CHECKOUT, "docs/compose-support.md");
    const text = supportDocument(paths);
    if (process.env["UPDATE"] === "1" || !existsSync(file)) writeFileSync(file, text);
    expect(readFileSync(file, "utf8")).toBe(text);
  });
});
