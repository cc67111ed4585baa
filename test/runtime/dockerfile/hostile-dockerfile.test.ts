// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax under test
import { describe, expect, it } from "vitest";
import { applyChanges, expandWord, parseDockerfile } from "../../../src/runtime/dockerfile/index.ts";

const MOST_BYTES = 4 << 20;
/** So much of a text repeated. */
const much = (text: string, length = MOST_BYTES) => text.repeat(length / text.length);
/** Lines as long as they may be. */
const lines = (start: string, text: string) => much(`${start}${text.repeat(60_000 / text.length)} \\\n`);

// Each of these takes hours where any part of the work is done again for each of its pieces.
describe("a Dockerfile as large as it may be is read or refused at once:", () => {
  it.each([
    ["a line that continues without end", `FROM a\nRUN ${much("x \\\n")}y`, undefined],
    ["comments within a line", `FROM a\nRUN x \\\n${much("# c\n")}y`, undefined],
    ["flags", `FROM a\nRUN ${lines("", "--mount=a ")}x`, undefined],
    ["heredocs", `FROM a\nRUN ${lines("", "<<A ")}\n`, "unterminated heredoc A"],
    ["quoted heredocs", `FROM a\nRUN '${lines("", "<<A ")}'\n`, undefined],
    ["a directive of blanks", `# escape=${much(" ", 60_000)}x\nFROM a`, "invalid escape token"],
    ["an unknown word", `${lines("", "RUN")}\n`, "unknown instruction"],
    ["one long line", much("x"), "dockerfile line greater than maximum allowed size of 65535"],
    ["triggers", `FROM a\n${much("ONBUILD RUN true\n")}`, undefined],
    ["a heredoc", `FROM a\nRUN <<EOF\n${much("echo hello\n")}EOF\n`, undefined],
  ])("%s", (_what, text, complaint) => {
    if (complaint === undefined) expect(parseDockerfile(text).instructions.length).toBeGreaterThan(1);
    else expect(() => parseDockerfile(text)).toThrow(complaint);
  });

  it.each([
    "${A#PATTERN}",
    "${A##PATTERN}",
    "${A%PATTERN}",
    "${A%%PATTERN}",
    "${A/PATTERN/x}",
    "${A//PATTERN/x}",
  ])("a pattern that could be tried in many ways, in %s", (form) => {
    const variable = () => "a".repeat(20_000);
    const text = form.replace("PATTERN", `${"*a".repeat(20)}*b`);
    expect(expandWord(text, { variable, escape: "\\" })).toBe(variable());
  });

  it("variables that double", () => {
    const doubling = Array.from({ length: 60 }, () => "ENV A=$A$A$A$A");
    expect(() => applyChanges({ env: ["A=xxxxxxxx"] }, doubling)).toThrow(
      "variables expand to more than 1048576 characters",
    );
  });
});

describe("patterns of variables", () => {
  it.each([
    ["${A#a*b}", "cabcab"],
    ["${A##a*b}", ""],
    ["${A%a*b}", "abcabc"],
    ["${A%%a*b}", ""],
    ["${A#x}", "abcabcab"],
    ["${A/b/-}", "a-cabcab"],
    ["${A//b/-}", "a-ca-ca-"],
    ["${A//b?/-}", "a-a-ab"],
    ["${A/c*a/-}", "ab-b"],
  ])("%s is %s of abcabcab", (text, expected) => {
    expect(expandWord(text, { variable: () => "abcabcab", escape: "\\" })).toBe(expected);
  });
});
