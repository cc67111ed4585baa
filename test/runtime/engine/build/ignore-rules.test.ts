import { describe, expect, it } from "vitest";
import { ignoreRules } from "../../../../src/runtime/engine/build/ignore-rules.ts";

describe("a .dockerignore", () => {
  it.each([
    ["node_modules", ["node_modules", "node_modules/a/b"], ["src/node_modules", "node_modules2"]],
    ["**/node_modules", ["node_modules/x", "a/b/node_modules"], ["a/node_modules2"]],
    ["*.md\n!README.md", ["a.md", "a.md/x"], ["README.md", "docs/a.md"]],
    ["# comment\n\n/dist/\n./tmp", ["dist/a", "tmp"], ["a/dist"]],
    ["docs/**/*.md", ["docs/a.md", "docs/x/y/a.md"], ["docs", "a.md"]],
    ["*\n!src\nsrc/secret", ["a", "src/secret/k"], ["src/a"]],
    ["a?c\n[x-z]1", ["abc", "y1"], ["ac", "a/c", "w1"]],
    ["**", ["anything", "any/thing"], []],
  ])("%j leaves out what it names", (text, ignored, kept) => {
    const rules = ignoreRules(text);
    expect(ignored.filter((path) => !rules.ignores(path))).toEqual([]);
    expect(kept.filter((path) => rules.ignores(path))).toEqual([]);
  });
});
