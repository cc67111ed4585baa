import { expect, it } from "vitest";
import { jsonLog, textLog } from "../../src/lib/log.ts";

function linesOf(value: unknown): string {
  let lines = "";
  textLog((line) => {
    lines += line;
  }).warn("It failed", { container: "web", error: value, exitCode: 1 });
  return lines.replace(/^\S+ /, "");
}

it.each([
  [
    "a line of its own",
    "no\n2026-01-01T00:00:00Z info All is well",
    '"no\\n2026-01-01T00:00:00Z info All is well"',
  ],
  ["an error", new Error("no\r\nyes", { cause: new Error("\u001b[2J") }), '"no\\r\\nyes: \\u001b[2J"'],
  ["OSC 52", "\u001b]52;c;aGk=\u0007", '"\\u001b]52;c;aGk=\\u0007"'],
  ["8-bit CSI and DEL", "\u009b2J\u007f", '"\\u009b2J\\u007f"'],
  ["text that runs backwards", "\u202egpj.exe", '"\\u202egpj.exe"'],
  ["names in a list", ["a\n", "\u009b"], '["a\\n","\\u009b"]'],
  ["quotes and other alphabets", 'said "no": höchstens 日本 🐳', 'said "no": höchstens 日本 🐳'],
  ["nothing", undefined, "undefined"],
])("a value that the machine did not write is one line that nothing obeys: %s", (_, value, text) => {
  expect(linesOf(value)).toBe(`warn  It failed container=web error=${text} exitCode=1\n`);
});

it("a line of JSON is one, too", () => {
  const lines: string[] = [];
  jsonLog((line) => lines.push(line)).error("It failed", { error: "no\n{}" });
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: "error", error: "no\n{}" }]);
});
