import { describe, expect, it } from "vitest";
import { parseFullYaml } from "../../src/spec/parse-full-yaml.ts";
import { parsePlainYaml } from "../../src/spec/parse-plain-yaml.ts";
import { ProblemList } from "../../src/spec/problem-list.ts";
import { SourceText } from "../../src/spec/source-text.ts";
import type { Node } from "../../src/spec/source-tree.ts";
import { fc } from "../support/fast-check.ts";

/** A tree with where everything stands; where something ends that has several lines does not matter, nor where nothing stands. */
function outline(node: Node): unknown {
  const { start: at, end, source } = node.origin;
  switch (node.kind) {
    case "scalar": {
      if (node.value === null && at === end) return "nothing";
      return [at, source.text.slice(at, end).includes("\n") ? "below" : end, node.type, node.value];
    }
    case "list":
      return [at, node.items.map(outline)];
    case "map":
      return [
        at,
        [...node.entries].map(([key, entry]) => [key, entry.key.start, entry.key.end, outline(entry.value)]),
      ];
    case "broken":
      return "broken";
  }
}

async function fullOutline(text: string): Promise<unknown> {
  const problems = new ProblemList();
  const documents = await parseFullYaml(new SourceText("a.yaml", text), problems);
  return problems.errors > 0 ? "faulty" : documents.map(({ root }) => outline(root));
}

async function expectSame(text: string): Promise<boolean> {
  const plain = parsePlainYaml(new SourceText("a.yaml", text));
  if (plain === undefined) return false;
  expect([outline(plain)], text).toEqual(await fullOutline(text));
  return true;
}

describe("the parser for plain YAML", () => {
  it.each([
    "a: b\n",
    "a:\n  b: 1\n  c:\n    - x\n    - y: 1\n      z: 2\nd: null\n",
    "a:\n- 1\n- 2\nb:\n",
    "---\na: {b: c, d: [1, 'x y', \"q\"]}\n",
    "# c\n\na: x # comment\nb: 'it''s' # c\nc: \"tab\\tq\\\"\"\n",
    "a: |\n  one\n   two\n\n  three\nb: |-\n  x\n\nc: |+\n  y\n\n",
    "a: http://x:80/y#z\nb: -1\nc: 2020-01-01\n",
    'a: [80:80, "b", c d, -x]\n',
    "a:\n  - b: c\n    d:\n      - e\n  - f\n  -\n  - {}\n",
    "a: []\nb: {}\nc: ''\n",
    'a: "x"   \nb:   y   \n',
    "- a\n- b: c\n",
    "a:\n  # c\n  b: 1\n# d\n  c: 2\n",
    "a: &x 1\nb: *x\nc: &y\n  d: e\nf: *y\ng:\n  <<: *y\n  h: i\n",
    "x-a: &a {b: 1, c: 2}\nx-d: &d\n  c: 3\n  e: 4\ns:\n  t:\n    c: 5\n    <<: *a\n  u:\n    <<: *d # c\n",
    "a: &x\n  - 1\n  - 2\nb: *x\nc: &z 'q'\nd:\n  - *z\n  - *x\n",
    "a: &x {b: 1}\nc:\n  <<:\n    - *x\n    - {d: 2}\n",
  ])("reads %j as the whole parser does", async (text) => {
    expect(await expectSame(text)).toBe(true);
  });

  it.each([
    "a: *x\n",
    "a: &x [&y 1]\n",
    "a: &x\n",
    "a: !reset x\n",
    "a: b\n c\n",
    "a: b: c\n",
    "a: 'x\n  y'\n",
    "a: >\n  x\n",
    "a: [1,\n 2]\n",
    "1: a\n",
    "a: 1\na: 2\n",
    "<<: 1\n",
    "a: &x {b: c}\nd:\n  <<: *x\n  <<: *x\n",
    "a: x\n---\nb: y\n",
    "a:\tb\n",
    "a: @x\n",
    "? a\n: b\n",
    "a\n",
    "",
  ])("leaves %j to the whole parser", (text) => {
    expect(parsePlainYaml(new SourceText("a.yaml", text))).toBeUndefined();
  });

  it("agrees with the whole parser on whatever it takes", async () => {
    const piece = fc.constantFrom(
      ..."abx 01-:,#'\"[]{}|>&*!%@`\\?.~$<=\n\n",
      "a: ",
      "\n  ",
      "\n  - ",
      "\n    ",
      "- ",
      "k: v",
      "'q'",
      '"d"',
      "null",
      "true",
      " #c",
      ": |\n",
      "[1, 2]",
      "{a: b}",
      "---\n",
      "é",
      "&x ",
      "*x",
      "\n<<: *x",
      "\na: &x\n  b: c\n",
    );
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 14 }), async (pieces) => {
        if (await expectSame(pieces.join(""))) taken += 1;
      }),
      { numRuns: Number(process.env["STOWAGE_FUZZ_RUNS"] ?? 4000) },
    );
    expect(taken).toBeGreaterThan(20);
  });
});
