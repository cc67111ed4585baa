import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { loadPlainModel, loadStack, printStackJson, serviceHash } from "../../src/spec/index.ts";
import differences from "./cases/corpus-differences.json" with { type: "json" };
import { type Case, corpusDisk, type Manifest, optionsOf } from "./corpus.ts";

const SIBLING = resolve(import.meta.dirname, "../../../shared/corpus");
const CORPUS = process.env["STOWAGE_CORPUS"] ?? SIBLING;
const isThere = existsSync(`${CORPUS}/manifest.json`);
if (!isThere) {
  process.stderr.write(
    `\n*** ${CORPUS} is not there: what docker compose makes of 1 400 files is NOT compared. Name its folder in STOWAGE_CORPUS. ***\n\n`,
  );
}

type Verdict = "same" | "accepted" | "refused" | "form";

/** What we make of a case, beside what docker compose makes of it. */
async function judge(each: Case, manifest: Manifest): Promise<Verdict> {
  const options = optionsOf(each, manifest, corpusDisk(CORPUS, manifest));
  const wanted = each.exitCode === 0;
  if (options.skip?.interpolation) {
    const { model } = await loadPlainModel(options);
    if ((model !== undefined) !== wanted) return wanted ? "refused" : "accepted";
    return compare(each, JSON.stringify(model));
  }
  const { stack } = await loadStack(options);
  if ((stack !== undefined) !== wanted) return wanted ? "refused" : "accepted";
  if (stack === undefined) return "same";
  if (each.configArgs.includes("--hash")) {
    const lines = Object.entries(stack.services).map(([name, service]) => `${name} ${serviceHash(service)}`);
    return lines.join("\n") === golden(each).trim() ? "same" : "form";
  }
  return each.configArgs.includes("json") ? compare(each, printStackJson(stack)) : "same";
}

function golden({ stdout }: Case): string {
  return readFileSync(`${CORPUS}/${stdout}`, "utf8");
}

function compare(each: Case, text: string): Verdict {
  if (each.exitCode !== 0 || each.stdout === undefined) return "same";
  return sortedJson(text) === sortedJson(golden(each)) ? "same" : "form";
}

function sortedJson(text: string): string {
  return JSON.stringify(JSON.parse(text), (_key, value: unknown) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

describe.runIf(isThere)("files that docker compose has loaded or refused", () => {
  it("are loaded to the same normal form or refused, but for the listed differences", {
    timeout: 120_000,
  }, async () => {
    const manifest: Manifest = JSON.parse(readFileSync(`${CORPUS}/manifest.json`, "utf8"));
    const found: Record<string, Verdict> = {};
    for (const each of manifest.cases) {
      const verdict = await judge(each, manifest);
      if (verdict !== "same") found[each.id] = verdict;
    }
    const listed = Object.fromEntries(differences.map(({ id, verdict }) => [id, verdict]));
    expect(found).toEqual(listed);
  });

  it("have a reason for each listed difference", () => {
    expect(differences.filter(({ reason }) => reason.length < 20)).toEqual([]);
  });
});
