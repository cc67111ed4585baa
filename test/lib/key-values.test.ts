import { describe, expect, it } from "vitest";
import { parseKeyValues } from "../../src/lib/key-values.ts";

describe("fields of a list of keys and values", () => {
  it.each([
    [
      "type=bind,source=/a,readonly",
      [
        ["type", "bind"],
        ["source", "/a"],
        ["readonly", undefined],
      ],
    ],
    [
      "Type=local, dest=a=b",
      [
        ["type", "local"],
        ["dest", "a=b"],
      ],
    ],
    [
      'type=bind,"source=/a,b",x=1',
      [
        ["type", "bind"],
        ["source", "/a,b"],
        ["x", "1"],
      ],
    ],
    ['"a=""q"""', [["a", '"q"']]],
    [
      'a="x",b',
      [
        ["a", '"x"'],
        ["b", undefined],
      ],
    ],
    [
      ",a=",
      [
        ["", undefined],
        ["a", ""],
      ],
    ],
  ])("%s", (text, fields) => {
    expect(parseKeyValues(text)).toEqual(fields);
  });
});
