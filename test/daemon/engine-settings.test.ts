import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readEngineSettings } from "../../src/daemon/engine-settings.ts";

const dir = mkdtempSync(join(tmpdir(), "stw-settings-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function read(text: string) {
  const path = join(dir, "daemon.json");
  writeFileSync(path, text);
  return readEngineSettings(path);
}

describe("the engine's settings", () => {
  it("are none where there is no file", () => {
    expect(readEngineSettings(join(dir, "none.json"))).toEqual({});
  });

  it("name mirrors and insecure registries by docker's keys", () => {
    const text = '{"registry-mirrors": ["https://m.example"], "insecure-registries": ["10.0.0.0/8"]}';
    expect(read(text)).toEqual({ mirrors: ["https://m.example"], insecure: ["10.0.0.0/8"] });
  });

  it.each([
    ["{", /is not JSON/],
    ["[]", /must be a JSON object/],
    [
      '{"registry-mirrors": "m", "data-root": "/x"}',
      /"registry-mirrors" must be a list.*unknown key "data-root"/,
    ],
  ])("that say %s are refused, with all that is wrong", (text, message) => {
    expect(() => read(text)).toThrow(message);
  });
});
