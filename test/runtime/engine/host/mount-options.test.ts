import { expect, it } from "vitest";
import { parseMountOptions } from "../../../../src/runtime/engine/host/mount-options.ts";

it("mount options are parted into flags and what the file system reads; the later wins", () => {
  expect(parseMountOptions("")).toEqual({ flags: 0, data: "" });
  expect(parseMountOptions("ro,nosuid,size=1m,nodev,mode=0700")).toEqual({
    flags: 1 | 2 | 4,
    data: "size=1m,mode=0700",
  });
  expect(parseMountOptions("ro,rw,noexec,defaults")).toEqual({ flags: 8, data: "" });
});
