import { describe, expect, it } from "vitest";
import { DetachScanner, parseDetachKeys } from "../../src/server/detach-keys.ts";

function typed(scanner: DetachScanner, text: string): readonly [string, boolean] {
  const { forward, isDetached } = scanner.push(Buffer.from(text, "latin1"));
  return [Buffer.from(forward).toString("latin1"), isDetached];
}

describe("detach keys", () => {
  it("are read as the docker client writes them", () => {
    expect(parseDetachKeys(undefined)).toEqual([16, 17]);
    expect(parseDetachKeys("ctrl-a,x")).toEqual([1, 120]);
    expect(parseDetachKeys("ctrl-@,ctrl-],ctrl-_")).toEqual([0, 29, 31]);
    expect(() => parseDetachKeys("ctrl-p,escape")).toThrow("Invalid escape keys (ctrl-p,escape) provided");
  });

  it("are found however the input is cut, and never passed on", () => {
    const scanner = new DetachScanner(parseDetachKeys(undefined));
    expect(typed(scanner, "ab\x10")).toEqual(["ab", false]);
    expect(typed(scanner, "c")).toEqual(["\x10c", false]);
    expect(typed(scanner, "\x10")).toEqual(["", false]);
    expect(typed(scanner, "\x11rest")).toEqual(["", true]);
  });

  it("begin anew with a key that ends a false beginning", () => {
    const scanner = new DetachScanner(parseDetachKeys(undefined));
    expect(typed(scanner, "\x10\x10\x11")).toEqual(["\x10", true]);
  });
});
