import { describe, expect, it } from "vitest";
import { parseBuildOutput } from "../../src/cli/build-output.ts";

describe("--output of a build", () => {
  it.each([
    [undefined, { kind: "image" }],
    ["out", { kind: "files", isTar: false, path: "/w/out" }],
    ["-", { kind: "files", isTar: true }],
    ["type=local,dest=out", { kind: "files", isTar: false, path: "/w/out" }],
    ["type=tar,dest=x.tar", { kind: "files", isTar: true, path: "/w/x.tar" }],
    ["type=tar,dest=-", { kind: "files", isTar: true }],
    ["type=docker", { kind: "image" }],
    ["type=oci,dest=/x.oci", { kind: "image", archive: "/x.oci" }],
  ])("%s", (text, output) => {
    expect(parseBuildOutput(text, "/w")).toEqual(output);
  });

  it.each([
    ["type=local"],
    ["type=oci"],
    ["type=registry,dest=x"],
    ["type=local,dest=x,mode=1"],
    ["type=local,dest"],
  ])("%s is refused", (text) => {
    expect(() => parseBuildOutput(text, "/w")).toThrow("Invalid output");
  });
});
