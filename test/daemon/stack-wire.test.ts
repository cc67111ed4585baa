import { describe, expect, it } from "vitest";
import { fromWire, toWire } from "../../src/daemon/stack-wire.ts";
import { RuntimeError } from "../../src/runtime/index.ts";

describe("the stack API's JSON", () => {
  it("keeps bytes, dates and large numbers", () => {
    const value = { data: new Uint8Array([0, 255]), at: new Date(1000), ns: 12345678901234567890n };
    expect(fromWire(toWire(value))).toEqual(value);
  });

  it("keeps data that looks like its own marks, such as MongoDB's extended JSON in an extension", () => {
    const seed = { $date: { $numberLong: "1" }, $error: null, list: [{ $bytes: "x" }, { $entries: [] }] };
    const value = { "x-seed": seed, at: new Date(1000) };
    expect(fromWire(toWire(value))).toEqual(value);
  });

  it("keeps an error's kind, exit code and causes", () => {
    const cause = Object.assign(new Error("no space left"), { code: "ENOSPC" });
    const error = new RuntimeError("exhausted", "Cannot pull", { cause, exitCode: 125 });
    const back = fromWire(toWire({ error })) as { error: RuntimeError };
    expect(back.error).toBeInstanceOf(RuntimeError);
    expect(back.error).toMatchObject({ kind: "exhausted", message: "Cannot pull", exitCode: 125 });
    expect(back.error.cause).toMatchObject({ message: "no space left", code: "ENOSPC" });
  });
});
