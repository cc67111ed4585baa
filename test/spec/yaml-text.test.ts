import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { yamlText } from "../../src/spec/yaml-text.ts";
import { fc } from "../support/fast-check.ts";

const WORDS = [
  "yes",
  "No",
  "~",
  "null",
  "1_0",
  "0x1F",
  "1:30",
  "1e3",
  ".5",
  "-.Inf",
  "2020-01-01",
  "<<",
  "=",
  "",
];
const SIGNS = [
  "- a",
  "a: b",
  "a #b",
  "#",
  "%",
  "---",
  "?",
  ":",
  "a:",
  " a",
  "a ",
  "\t",
  "\n",
  "a\n b\n",
  "\u0085",
  "\ufeff",
];

const any = fc.oneof(
  fc.constantFrom(...WORDS, ...SIGNS),
  fc
    .array(
      fc.constantFrom("a", "1", "_", ".", "-", "+", ":", " ", "#", "\n", "\t", "'", '"', "e", "\u2028"),
      { maxLength: 8 },
    )
    .map((all) => all.join("")),
  fc.string({ unit: "grapheme" }),
);
/** The reader takes `e1` for a number; YAML does not. */
const text = any.filter((value) => !/^[-+]?e[-+]?\d+$/i.test(value));
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: "medium" },
    text,
    fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0)),
    fc.integer(),
    fc.constantFrom(true, false, null),
    fc.array(tie("tree"), { maxLength: 4 }),
    fc
      .uniqueArray(fc.tuple(text, tie("tree")), { maxLength: 4, selector: ([key]) => key })
      .map((all) => new Map(all)),
  ),
}));

describe("YAML that is printed", () => {
  it.each(["1.1", "1.2"] as const)("is read as what it was, as YAML %s", (version) => {
    fc.assert(
      fc.property(tree, (value) => {
        expect(parse(yamlText(value), { version, mapAsMap: true, merge: false })).toEqual(value);
      }),
      { numRuns: 1000 },
    );
  });
  it("is what docker compose prints, for what it prints", () => {
    const value = new Map<string, unknown>([
      ["command", ["serve", "--port", "80", "a b", "a: b", "", "yes", "127.0.0.1", "1.2.3"]],
      [
        "ports",
        [
          new Map<string, unknown>([
            ["mode", "ingress"],
            ["target", 80],
            ["published", "8080"],
          ]),
        ],
      ],
      ["networks", new Map([["default", null]])],
      ["none", new Map()],
      ["script", "one\n  two\n"],
    ]);
    expect(yamlText(value)).toBe(`command:
  - serve
  - --port
  - "80"
  - a b
  - 'a: b'
  - ""
  - "yes"
  - 127.0.0.1
  - 1.2.3
ports:
  - mode: ingress
    target: 80
    published: "8080"
networks:
  default: null
none: {}
script: |
  one
    two
`);
  });
});
