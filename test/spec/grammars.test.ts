// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are Compose's.
import { describe, expect, it } from "vitest";
import { parseMount } from "../../src/spec/mount-form.ts";
import { parseEnvFile, parseRawEnvFile } from "../../src/spec/parse-env-file.ts";
import { parsePort } from "../../src/spec/port-form.ts";
import { ProblemList } from "../../src/spec/problem-list.ts";
import { durationText, parseDuration, parseSize } from "../../src/spec/quantities.ts";
import { shellWords } from "../../src/spec/shell-words.ts";
import { SourceText } from "../../src/spec/source-text.ts";
import { substitute } from "../../src/spec/substitute.ts";
import type { Variable } from "../../src/spec/variables.ts";
import { goText, resolvePlain } from "../../src/spec/yaml-scalars.ts";

const variables: Readonly<Record<string, string>> = { A: "a", EMPTY: "", DOLLAR: "p$B" };

function filled(template: string): string {
  const { value, faults } = substitute(template, { lookup: (name) => variables[name] });
  const [fault] = faults;
  return fault === undefined ? value : `${fault.kind} at ${fault.at}`;
}

describe("variables in texts", () => {
  it.each([
    ["$A ${A}", "a a"],
    ["$$A $1 $ x", "$A $1 $ x"],
    ["${N:-d}${EMPTY:-d}${EMPTY-d}", "dd"],
    ["${A:+x}${EMPTY:+x}${EMPTY+x}${N+x}", "xx"],
    ["${N:-${M:-deep}} tail", "deep tail"],
    ["${N:-a?b}", "a?b"],
    ["${N:-x} and ${A}", "x and a"],
    ["${DOLLAR}", "p$B"],
    ['${N:-{"k":1}}', '{"k":1}'],
    ["${N?why}", "required at 0"],
    ["x ${A:-${N?in a default}}", "required at 7"],
    ["${A/x/y}", "format at 0"],
    ["ok ${}", "format at 3"],
    ["${A:-two\nlines}", "format at 0"],
  ])("%j become %j", (template, result) => {
    expect(filled(template)).toBe(result);
  });
});

function readEnv(text: string, parse = parseEnvFile): Record<string, string> | string {
  const into = new Map<string, Variable>();
  const problems = new ProblemList();
  parse(new SourceText("a.env", text), { into, lookup: (name) => variables[name], problems });
  const [problem] = problems.all.filter(({ severity }) => severity === "error");
  if (problem !== undefined) return `${problem.place?.line}:${problem.place?.column}`;
  return Object.fromEntries([...into].map(([name, { value }]) => [name, value]));
}

describe("env files", () => {
  it.each([
    ["K=v # c\nexport L = w \nM: x\n", { K: "v", L: "w", M: "x" }],
    ["K='l$A'\nL=\"x\\n$A\"\nM=$$A\n", { K: "l$A", L: "x\na", M: "$A" }],
    ['K="two\nlines"\n# c\nL=#x\n', { K: "two\nlines", L: "#x" }],
    ["A\nN\nK=1", { A: "a", K: "1" }],
    ["K=1\nL=${K}2", { K: "1", L: "12" }],
    ["A", { A: "a" }],
    ["a b=1\n", "1:1"],
    ["K=1\nB@=2\n", "2:2"],
    ['K="open\n', "1:3"],
  ])("%j are %j", (text, result) => {
    expect(readEnv(text)).toEqual(result);
  });

  it("are taken as they are with format raw", () => {
    expect(readEnv("K='v' # $A\n A\n#x\n", parseRawEnvFile)).toEqual({ K: "'v' # $A", A: "a" });
  });
});

describe("short forms", () => {
  it.each([
    ["80", [["", 80, "", "tcp"]]],
    ["8080:80/UDP", [["", 80, "8080", "udp"]]],
    ["[::1]:8000-9000:80", [["::1", 80, "8000-9000", "tcp"]]],
    [
      "9998-10000:8-10",
      [
        ["", 10, "10000", "tcp"],
        ["", 8, "9998", "tcp"],
        ["", 9, "9999", "tcp"],
      ],
    ],
    ["::1:80", "wrong"],
    ["80:80:80:80", "wrong"],
    ["70000:80", "wrong"],
    ["0", "wrong"],
  ])("of the port %j", (spec, result) => {
    const parsed = parsePort(spec);
    const shown =
      "wrong" in parsed
        ? "wrong"
        : parsed.map((port) => [port.hostIp, port.target, port.published, port.protocol]);
    expect(shown).toEqual(result);
  });

  it.each([
    ["/data", ["volume", undefined, "/data"]],
    ["db:/data:ro", ["volume", "db", "/data"]],
    ["./a:/b", ["bind", "./a", "/b"]],
    ["C:\\a:/b", ["bind", "C:\\a", "/b"]],
    ["q:/data", ["volume", "q", "/data"]],
    ["q:/data:ro", ["volume", "q", "/data"]],
    ["data::b", "wrong"],
    ["vol:/a:ro:rw", "wrong"],
  ])("of the mount %j", (spec, result) => {
    const parsed = parseMount(spec, (name) => name === "q");
    expect("wrong" in parsed ? "wrong" : [parsed.type, parsed.source, parsed.target]).toEqual(result);
  });

  it.each([
    ['a \'b c\' "d\\"e" f\\ g', ["a", "b c", 'd"e', "f g"]],
    ["a | b", ["a"]],
    ["", []],
    ["a 'b", undefined],
    ["x $(a b) `c d`", ["x", "$(a b)", "`c d`"]],
  ])("of the command %j", (line, words) => {
    expect(shellWords(line)?.words).toEqual(words);
  });

  it.each([
    ["64m", 67108864],
    ["1.5 GiB", 1610612736],
    ["100", 100],
    ["1kb", 1024],
    ["-1", undefined],
    ["1.2.3", undefined],
    ["5q", undefined],
  ])("of the size %j", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each([
    ["90s", "1m30s"],
    ["1.5h", "1h30m0s"],
    ["1d", "24h0m0s"],
    ["100us", "100µs"],
    ["0", "0s"],
    ["-5ms", "-5ms"],
  ])("of the duration %j", (text, printed) => {
    const parsed = parseDuration(text);
    expect(typeof parsed === "bigint" ? durationText(parsed) : parsed).toBe(printed);
  });
});

describe("plain YAML scalars", () => {
  it.each([
    ["017", "int", 15],
    ["0o17", "int", 15],
    ["0x1F", "int", 31],
    ["1_000", "int", 1000],
    ["08", "float", 8],
    [".5", "float", 0.5],
    ["yes", "string", "yes"],
    ["1:30", "string", "1:30"],
    ["2020-01-02", "time", "2020-01-02T00:00:00Z"],
    ["2020-13-45", "string", "2020-13-45"],
    ["Null", "null", null],
    ["TRUE", "bool", true],
  ])("%s is of type %s", (text, type, value) => {
    expect(resolvePlain(text)).toEqual({ type, value });
  });

  it.each([
    [1.5, "1.5"],
    [1000, "1000"],
    [1e6, "1e+06"],
    [1e-7, "1e-07"],
    [Number.POSITIVE_INFINITY, "+Inf"],
  ])("the float %d is %s as text", (value, text) => {
    expect(goText(value, "float")).toBe(text);
  });
});
