import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { type LoadResult, loadPlainModel, printStackJson, printStackYaml } from "../../src/spec/index.ts";
import { cpuMs } from "../support/cpu-time.ts";
import { fc } from "../support/fast-check.ts";
import { load, memoryDisk } from "./memory-disk.ts";

/** How long to look for a fault: seconds, or longer on demand. */
const SECONDS = Number(process.env["STOWAGE_FUZZ_SECONDS"] ?? 5);
const CORPUS = process.env["STOWAGE_CORPUS"] ?? resolve(import.meta.dirname, "../../../shared/corpus");

const own = readFileSync(`${import.meta.dirname}/cases/everything.yaml`, "utf8");
const seeds = [own, own.split("\n").slice(0, 30).join("\n"), ...corpusTexts()];

function corpusTexts(): string[] {
  if (!existsSync(CORPUS)) return [];
  return readdirSync(CORPUS, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.ya?ml$/.test(file) && statSync(`${CORPUS}/${file}`).isFile())
    .map((file) => readFileSync(`${CORPUS}/${file}`, "utf8"))
    .filter((text) => text.length < 20_000);
}

const PIECES = [
  `$${"{"}`,
  `$${"{A:-$"}${"{B}}"}`,
  "$$",
  "}",
  ": ",
  "- ",
  "\n",
  "\n  ",
  "\t",
  "&a ",
  "*a",
  "<<: *a",
  "!reset ",
  "!override ",
  "!!binary ",
  "[",
  "]",
  "{",
  '"',
  "'",
  "|",
  ">",
  "#",
  "---\n",
  "null",
  "true",
  "1e999",
  "-1",
  "0x",
  "99999999999999999999",
  "2020-01-01",
  ".inf",
  "__proto__: ",
  "constructor: ",
  "extends: web",
  "include: [compose.yaml]",
  "\u0000",
  "\uFEFF",
  "\u2028",
  "é",
  "😀",
  "x".repeat(3000),
];

type Change =
  | { readonly kind: "insert"; readonly at: number; readonly text: string }
  | { readonly kind: "drop"; readonly at: number; readonly length: number }
  | { readonly kind: "copy"; readonly at: number; readonly from: number; readonly length: number };

const place = fc.double({ min: 0, max: 1, noNaN: true });
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant("insert" as const), at: place, text: fc.constantFrom(...PIECES) }),
  fc.record({ kind: fc.constant("drop" as const), at: place, length: fc.integer({ min: 1, max: 60 }) }),
  fc.record({
    kind: fc.constant("copy" as const),
    at: place,
    from: place,
    length: fc.integer({ min: 1, max: 200 }),
  }),
);

function apply(text: string, each: Change): string {
  const at = Math.floor(each.at * text.length);
  if (each.kind === "insert") return text.slice(0, at) + each.text + text.slice(at);
  if (each.kind === "drop") return text.slice(0, at) + text.slice(at + each.length);
  const from = Math.floor(each.from * text.length);
  return text.slice(0, at) + text.slice(from, from + each.length) + text.slice(at);
}

const mutated = fc
  .tuple(fc.nat(seeds.length - 1), fc.array(change, { minLength: 1, maxLength: 6 }))
  .map(([index, changes]) => changes.reduce(apply, seeds[index] ?? ""));

const ENVIRONMENT = { A: "1", TAG: "a$b", EMPTY: "" };

function expectWhole({ stack, problems, placeOf }: LoadResult): void {
  const errors = problems.filter((problem) => problem.severity === "error");
  expect(stack === undefined).toBe(errors.length > 0);
  for (const { place: at, message } of problems) {
    expect(message).not.toMatch(/undefined|\[object|NaN/);
    if (at !== undefined) expect(Math.min(at.line, at.column)).toBeGreaterThan(0);
  }
  expect(() => placeOf(["services", "web", "ports", 0])).not.toThrow();
}

describe("whatever text it is given", () => {
  it(`loads it or says what is wrong, in bounded time (${SECONDS} s of mutated files)`, {
    timeout: SECONDS * 1000 + 60_000,
  }, async () => {
    const before = Object.getOwnPropertyNames(Object.prototype).join();
    const property = fc.asyncProperty(mutated, mutated, async (text, second) => {
      const files = {
        "/app/compose.yaml": text,
        "/app/b.yaml": second,
        "/app/a.env": second,
        "/app/.env": "Z=1\n",
      };
      const started = cpuMs();
      const result = await load(files, { files: ["compose.yaml", "b.yaml"], environment: ENVIRONMENT });
      expect(cpuMs() - started).toBeLessThan(5000);
      expectWhole(result);
      expectWhole(await load({ ...files, "/app/compose.yaml": second }, { environment: ENVIRONMENT }));
      if (result.stack === undefined) return;
      JSON.parse(printStackJson(result.stack));
      await printStackYaml(result.stack);
      JSON.parse(JSON.stringify(result.stack));
    });
    await fc.assert(property, {
      numRuns: 1_000_000,
      interruptAfterTimeLimit: SECONDS * 1000,
      markInterruptAsFailure: false,
      endOnFailure: false,
    });
    expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(before);
  });

  it("loads it without variables put in, or says what is wrong", async () => {
    await fc.assert(
      fc.asyncProperty(mutated, async (text) => {
        const disk = memoryDisk({ "/app/compose.yaml": text });
        await loadPlainModel({
          startDirectory: "/app",
          environment: {},
          disk,
          skip: { interpolation: true },
        });
      }),
      { numRuns: 300, interruptAfterTimeLimit: 30_000 },
    );
  });
});
