import { describe, expect, it } from "vitest";
import { byPath, changes } from "../../../../src/runtime/engine/build/kept-folders.ts";
import type { FolderEntry } from "../../../../src/runtime/index.ts";

/** `path` is a file, `path/` a folder; what follows a `=` is the fingerprint. */
function listing(...words: readonly string[]): readonly FolderEntry[] {
  return words.map((word) => {
    const [name = "", fingerprint] = word.split("=");
    const isFolder = name.endsWith("/");
    const path = isFolder ? name.slice(0, -1) : name;
    return { path, isFolder, sizeBytes: 1, ...(fingerprint === undefined ? {} : { fingerprint }) };
  });
}

function step(before: readonly FolderEntry[], after: readonly FolderEntry[]) {
  const { gone, wanted } = changes(byPath(before), byPath(after));
  return { gone, wanted: wanted.map(({ path }) => path) };
}

describe("what a folder that is kept lacks of what it should be", () => {
  const before = listing("a=1", "d/=1", "d/e/=1", "d/e/f=1", "d/g=1");

  it("is nothing when nothing has changed", () => {
    expect(step(before, before)).toEqual({ gone: [], wanted: [] });
  });

  it("is all of it at first", () => {
    expect(step([], before).wanted).toEqual(["a", "d", "d/e", "d/e/f", "d/g"]);
  });

  it("is a changed file, with the folders above it for their times", () => {
    expect(step(before, listing("a=1", "d/=1", "d/e/=1", "d/e/f=2", "d/g=1"))).toEqual({
      gone: ["d/e/f"],
      wanted: ["d", "d/e", "d/e/f"],
    });
  });

  it("is a removal, and the folder that it happened in", () => {
    expect(step(before, listing("a=1", "d/=2", "d/g=1"))).toEqual({ gone: ["d/e", "d/e/f"], wanted: ["d"] });
  });

  it("is a folder in a file's place, and the other way round", () => {
    expect(step(before, listing("a/=1", "a/x=1", "d=1"))).toEqual({
      gone: ["a", "d", "d/e", "d/e/f", "d/g"],
      wanted: ["a", "a/x", "d"],
    });
  });

  it("is whatever has no fingerprint, each time", () => {
    expect(step(listing("a", "b=1"), listing("a", "b=1"))).toEqual({ gone: ["a"], wanted: ["a"] });
  });
});

describe("a folder's listing is refused", () => {
  it.each([
    ["with a path that leads out", listing("d/", "d/../../x")],
    ["with an absolute path", listing("/etc/passwd")],
    ["with a path twice", listing("a", "a")],
    ["with a path through a file", listing("a", "a/b")],
    ["with a path through nothing", listing("a/b")],
    ["with an empty path", listing("")],
  ])("%s", (_, entries) => {
    expect(() => byPath(entries)).toThrow("cannot be in it");
  });
});
