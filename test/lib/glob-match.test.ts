import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchesGlob } from "../../src/lib/glob-match.ts";
import { ignoreRules } from "../../src/runtime/engine/build/ignore-rules.ts";

const name = "a".repeat(200);

describe("patterns that are made to take for ever", () => {
  it.each([
    ["stars", "*a".repeat(40)],
    ["classes", "*[a-c]".repeat(40)],
    ["stars in folders", `${"*a/".repeat(20)}${"*a".repeat(20)}`],
  ])("of %s decide at once", (_what, pattern) => {
    expect(matchesGlob(`${pattern}b`, name)).toBe(false);
    expect(ignoreRules(`${pattern}b`).ignores(name)).toBe(false);
  });

  it("of many folders decide at once", () => {
    const rules = ignoreRules(`${"**/a/".repeat(30)}b`);
    expect(rules.ignores("a/".repeat(500))).toBe(false);
    expect(rules.ignores(`${"a/".repeat(500)}b/c`)).toBe(true);
    expect(ignoreRules(`${"a**".repeat(30)}b`).ignores("a".repeat(4000))).toBe(false);
  });
});

it("many stars mean what few do", () => {
  const piece = fc.constantFrom("*", "a", "b", "?", "[a]", "/");
  const text = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 8 });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), text, (pieces, path) => {
      const pattern = pieces.join("");
      const source = pattern.replaceAll("?", "[^/]").replaceAll(/\*+/g, "[^/]*");
      expect(matchesGlob(pattern, path)).toBe(new RegExp(`^${source}$`).test(path));
    }),
    { numRuns: 2000 },
  );
});
