import { describe, expect, it } from "vitest";
import {
  checkForms,
  parseDockerfile,
  splitStages,
  targetStage,
} from "../../../src/runtime/dockerfile/index.ts";

const parse = (text: string) =>
  parseDockerfile(text).instructions.map(({ name, args, line, endLine }) => ({ name, args, line, endLine }));

describe("a Dockerfile", () => {
  it("is instructions, one a statement, with their lines", () => {
    const text = "# comment\nfrom debian\n\nRUN a \\\n  # in between\n\n  b \\\n  c\nCMD x\\\n";
    expect(parse(text)).toEqual([
      { name: "FROM", args: "debian", line: 2, endLine: 2 },
      { name: "RUN", args: "a   b   c", line: 4, endLine: 8 },
      { name: "CMD", args: "x", line: 9, endLine: 10 },
    ]);
  });

  it("may name another escape character at its top only", () => {
    const windows = "# escape=`\nFROM x\nRUN a `\n b\\\nCMD c";
    expect(parse(windows).map(({ args }) => args)).toEqual(["x", "a  b\\", "c"]);
    expect(parse("FROM x\n# escape=`\nRUN a `\nCMD b")).toHaveLength(3);
    expect(() => parse("# escape=x\nFROM y")).toThrow("invalid escape token 'x'");
  });

  it("goes on behind one escape character at the end of a line, not behind several", () => {
    const text = "FROM x\nENV P=C:\\\\\nUSER a\nENV Q=\\\\\\ \t\nRUN b \\\n\\\n  \\ \n c\\\\\nCMD d\\\\";
    const args = ["x", "P=C:\\\\", "a", "Q=\\\\\\", "b    c\\\\", "d\\\\"];
    expect(parse(text).map((instruction) => instruction.args)).toEqual(args);
    const windows = "# escape=`\nFROM x\nENV P=C:``\nUSER a";
    expect(parse(windows).map((instruction) => instruction.args)).toEqual(["x", "P=C:``", "a"]);
  });

  it("gives flags apart from arguments", () => {
    const [copy] = parseDockerfile('COPY --from=build --chown="a:b" --link a b').instructions;
    expect(copy?.flags).toEqual([
      { name: "from", value: "build" },
      { name: "chown", value: "a:b" },
      { name: "link", value: "" },
    ]);
    expect(copy?.args).toBe("a b");
  });

  it("carries heredocs", () => {
    const text =
      "FROM x\nRUN <<EOF\necho $a\nEOF\nCOPY <<'A' <<-B /dir/\none\nA\n\ttwo\n\tB\nRUN cat <<< x && echo \"<<C\"\nCMD y";
    const { instructions } = parseDockerfile(text);
    expect(instructions.map(({ name }) => name)).toEqual(["FROM", "RUN", "COPY", "RUN", "CMD"]);
    expect(instructions[1]?.heredocs).toEqual([{ name: "EOF", content: "echo $a\n", isExpanded: true }]);
    expect(instructions[2]?.heredocs).toEqual([
      { name: "A", content: "one\n", isExpanded: false },
      { name: "B", content: "two\n", isExpanded: true },
    ]);
    expect(instructions[3]?.heredocs).toEqual([]);
  });

  it.each([
    ["", "the Dockerfile (Dockerfile) cannot be empty"],
    ["# only\n", "cannot be empty"],
    ["FROM x\n\nRUM ls", "dockerfile parse error on line 3: unknown instruction: RUM (did you mean RUN?)"],
    ["FROM x\nRUN <<EOF\nls", "dockerfile parse error on line 2: unterminated heredoc EOF"],
  ])("%j is refused", (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });
});

describe("the forms of instructions", () => {
  it.each([
    ["RUN --network=foo x", 'invalid network mode "foo"'],
    ["RUN --network=none --network=host x", "duplicate flag specified: --network"],
    ["RUN --mount x", "missing a value on flag: --mount"],
    ["COPY --link=maybe a b", "expecting boolean value for flag --link, not: maybe"],
    ["COPY --link= a b", "missing a value on flag: --link"],
    ["COPY --from a b", "missing a value on flag: --from"],
    ["COPY a", "COPY requires at least two arguments, but only one was provided"],
    ["ARG", "ARG requires at least one argument"],
    ["ARG =x", "ARG names can not be blank"],
    ["ENV =x", "ENV names can not be blank"],
    ["LABEL", "LABEL requires at least one argument"],
    ["EXPOSE", "EXPOSE requires at least one argument"],
    ["VOLUME", "VOLUME requires at least one argument"],
    ['VOLUME [""]', "VOLUME specified can not be an empty string"],
    ["WORKDIR", "WORKDIR requires exactly one argument"],
    ["STOPSIGNAL", "STOPSIGNAL requires exactly one argument"],
    ["SHELL sh", "SHELL requires the arguments to be in JSON form"],
    ["SHELL []", "SHELL requires at least one argument"],
    ["ONBUILD", "ONBUILD requires at least one argument"],
    ["ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"],
    ["HEALTHCHECK", "HEALTHCHECK requires at least one argument"],
    ["HEALTHCHECK --foo=1 CMD x", "unknown flag: --foo"],
    ["HEALTHCHECK --retries=-1 CMD x", "--retries cannot be negative (-1)"],
    ["HEALTHCHECK --interval=x CMD x", 'time: invalid duration "x"'],
  ])("%s is refused with its line", (text, message) => {
    const check = () => checkForms(parseDockerfile(`FROM x AS unneeded\n${text}\nFROM y`));
    expect(check).toThrow(`dockerfile parse error on line 2: ${message}`);
  });

  it("that the reader of lines refuses are told without one, as Docker does", () => {
    const check = () => checkForms(parseDockerfile("FROM x\nENV a"));
    expect(check).toThrow(/^ENV must have two arguments$/);
  });

  it("that are odd but possible pass", () => {
    const lines = ["CMD", "RUN", "COPY --link=TRUE --exclude=a --exclude=b a b", "EXPOSE 1:2", "LABEL a b c"];
    expect(() => checkForms(parseDockerfile(["FROM x", ...lines].join("\n")))).not.toThrow();
  });
});

describe("stages", () => {
  const stagesOf = (text: string) => splitStages(parseDockerfile(text));

  it("begin at FROM, and are found by name or number", () => {
    const { globalArgs, stages } = stagesOf(
      "ARG V=1\nFROM a:$V AS Build\nRUN x\nFROM --platform=linux/arm64 b\nCOPY --from=build /x /x",
    );
    expect(globalArgs).toHaveLength(1);
    expect(stages.map(({ name, base, platform }) => [name, base, platform])).toEqual([
      ["build", "a:$V", undefined],
      [undefined, "b", "linux/arm64"],
    ]);
    expect(targetStage(stages, undefined).index).toBe(1);
    expect(targetStage(stages, "BUILD").index).toBe(0);
    expect(targetStage(stages, "1").index).toBe(1);
    expect(() => targetStage(stages, "nope")).toThrow('target stage "nope" could not be found');
  });

  it.each([
    ["RUN x", "line 1: no build stage in current context"],
    ["FROM a b", "FROM requires either one or three arguments"],
    ["FROM a AS 1x", 'invalid name for build stage: "1x"'],
    ["FROM --nope=1 a", "unknown flag: --nope"],
  ])("%j is refused", (text, message) => {
    expect(() => stagesOf(text)).toThrow(message);
  });
});
