import { describe, expect, it } from "vitest";
import { lintDockerfile, ruleUrl } from "../../../src/runtime/dockerfile/index.ts";

const lint = (text: string, more: { target?: string; buildArgs?: Record<string, string> } = {}) =>
  lintDockerfile({
    text,
    name: "Dockerfile",
    platform: "linux/amd64",
    envOf: async (image) => (image.startsWith("known") ? ["PATH=/bin"] : undefined),
    ...more,
  });

async function found(text: string, more = {}): Promise<readonly string[]> {
  const { warnings } = await lint(text, more);
  return warnings.map(({ rule, lines }) => `${rule} ${lines.line}`);
}

// What BuildKit says of whole files is compared in test/engine/docker-cli/build-check.sh.
describe("a Dockerfile's check", () => {
  it.each([
    ['FROM known\nCMD ["a"]', []],
    ["FROM known AS Base", ["StageNameCasing 1"]],
    ["FROM known as base", ["FromAsCasing 1"]],
    ["FROM known AS context", ["ReservedStageName 1"]],
    ["FROM known AS a\nFROM known AS a", ["DuplicateStageName 2"]],
    ["FROM known\nrun a\nRUN b", ["ConsistentInstructionCasing 2"]],
    ["FROM known\nRUN a \\\n\n b", ["NoEmptyContinuation 4"]],
    ["FROM known\nRUN <<X\n\na\nX", []],
    ["FROM known\nMAINTAINER me", ["MaintainerDeprecated 2"]],
    ["FROM known\nWORKDIR a\nWORKDIR b", ["WorkdirRelativePath 2"]],
    ["FROM known\nWORKDIR /a\nWORKDIR b", []],
    ["FROM known\nENV a b", ["LegacyKeyValueFormat 2"]],
    ["FROM known\nENV A_TOKEN=b PUBLIC_KEY=c", ["SecretsUsedInArgOrEnv 2"]],
    ["FROM known\nCMD a", ["JSONArgsRecommended 2"]],
    ['FROM known\nSHELL ["a"]\nCMD a', []],
    ['FROM known\nCMD ["a"]\nCMD ["b"]', ["MultipleInstructionsDisallowed 2"]],
    ["FROM known\nEXPOSE 80/TCP", ["ExposeProtoCasing 2"]],
    ["FROM known\nEXPOSE 8080:80 90", ["ExposeInvalidFormat 2"]],
    ["FROM known\nUSER $NOBODY", ["UndefinedVar 2"]],
    ["FROM known\nARG x\nENV A=$x$PATH", []],
    ["FROM strange\nUSER $NOBODY", []],
    ["FROM known:$TAG", ["InvalidDefaultArgInFrom 1", "UndefinedArgInFrom 1"]],
    ["ARG TAG\nFROM known:$TAG", ["InvalidDefaultArgInFrom 2"]],
    ["FROM --platform=linux/amd64 known", ["FromPlatformFlagConstDisallowed 1"]],
    ["FROM --platform=$TARGETPLATFORM known", ["RedundantTargetPlatform 1"]],
    ["FROM --platform=$BUILDPLATFORM known", []],
  ])("%j", async (text, expected) => expect(await found(text)).toEqual(expected));

  it("looks at the stages that a target needs, or at all", async () => {
    const text = "FROM known AS a\nCMD x\nFROM known AS b\nCMD x\nFROM known\nCOPY --from=a /x /y";
    expect(await found(text)).toEqual(["JSONArgsRecommended 2", "JSONArgsRecommended 4"]);
    expect(await found(text, { target: "" })).toEqual(["JSONArgsRecommended 2"]);
  });

  it("leaves out what the file skips, and makes an error of the rest where it says so", async () => {
    const text = "# check=skip=JSONArgsRecommended;error=true\nFROM known\nCMD x\nMAINTAINER me";
    const { warnings, error } = await lint(text);
    expect(warnings.map(({ rule }) => rule)).toEqual(["MaintainerDeprecated"]);
    expect(error?.message).toBe("lint violation found for rules: MaintainerDeprecated");
    const buildArgs = { BUILDKIT_DOCKERFILE_CHECK: "skip=all" };
    expect(await lint(text, { buildArgs })).toEqual({ warnings: [] });
    expect((await lint("# check=error=x\nFROM known")).error?.message).toContain(
      'parsing "x": invalid syntax',
    );
    expect((await lint("# check=colour=red\nFROM known")).error?.message).toContain(
      'invalid check option "colour=red"',
    );
  });

  it("tells what is no Dockerfile, and where", async () => {
    const { error } = await lint("FROM known\nENV a");
    expect(error).toMatchObject({ message: "ENV must have two arguments", lines: { line: 2, endLine: 2 } });
  });

  it("is for what a person has written: a flood of text is left alone", async () => {
    const flood = `FROM known\n${"ENV A=1\n".repeat(20_000)}MAINTAINER me`;
    expect(await lint(flood)).toEqual({ warnings: [] });
    const many = Array.from({ length: 4_000 }, (_, index) => `ENV NAME_${index}=$NO_${index}\n`).join("");
    expect((await lint(`FROM known\n${many}`)).warnings).toHaveLength(4_000);
  });

  it("names the page of each rule", () => {
    expect(ruleUrl("JSONArgsRecommended")).toMatch(/\/json-args-recommended\/$/);
    expect(ruleUrl("SecretsUsedInArgOrEnv")).toMatch(/\/secrets-used-in-arg-or-env\/$/);
  });
});
