import { expandWord, type Instruction, splitWords, type WordOptions } from "../../dockerfile/index.ts";
import { type BuildOptions, RuntimeError } from "../../index.ts";
import { type Platform, platformText } from "../images/index.ts";

/** Given to every RUN without being declared, and part of no cache key and no history. */
const PROXY_ARGS: ReadonlySet<string> = new Set(
  ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"].flatMap((name) => [
    name,
    name.toLowerCase(),
  ]),
);

export function isProxyArg(name: string): boolean {
  return PROXY_ARGS.has(name);
}

/** `SOURCE_DATE_EPOCH`: when an image and its steps are said to be of, so that a build can be had again bit by bit. */
export function sourceDate({ buildArgs }: BuildOptions): string | undefined {
  const text = buildArgs?.["SOURCE_DATE_EPOCH"] ?? "";
  if (text === "") return undefined;
  if (!/^[+-]?\d{1,11}$/.test(text))
    throw new RuntimeError(
      "invalid",
      `invalid SOURCE_DATE_EPOCH: ${text}: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  return new Date(Number(text) * 1000).toISOString();
}

/** The proxies among the build arguments; a program looks for small letters or for capitals. */
export function proxyVariables(buildArgs: Readonly<Record<string, string>>): readonly string[] {
  const given = Object.entries(buildArgs).filter(([name]) => isProxyArg(name));
  const values = new Map(
    given.flatMap(([name, value]) => [
      [name.toLowerCase(), value],
      [name.toUpperCase(), value],
    ]),
  );
  for (const [name, value] of given) values.set(name, value);
  return [...values].map((pair) => pair.join("="));
}

/** `TARGETPLATFORM` and its kin, known to every FROM and to an ARG without a value. */
export function platformArgs(
  target: Platform,
  build: Platform,
  stageName: string,
): ReadonlyMap<string, string> {
  const of = (prefix: string, platform: Platform): readonly (readonly [string, string])[] => [
    [`${prefix}PLATFORM`, platformText(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ""],
  ];
  return new Map([...of("TARGET", target), ...of("BUILD", build), ["TARGETSTAGE", stageName]]);
}

/** The names and default values of an ARG, variables in the defaults resolved. */
export function argsOf(
  instruction: Instruction,
  words: WordOptions,
): readonly { readonly name: string; readonly value: string | undefined }[] {
  const parts = splitWords(instruction.args, words.escape);
  if (parts.length === 0) throw new RuntimeError("invalid", "ARG requires at least one argument");
  return parts.map((word) => {
    const equals = word.indexOf("=");
    const name = equals === -1 ? word : word.slice(0, equals);
    if (name === "") throw new RuntimeError("invalid", "ARG names can not be blank");
    return { name, value: equals === -1 ? undefined : expandWord(word.slice(equals + 1), words) };
  });
}

/** What ARGs before the first FROM come to: build arguments win over defaults. */
export function globalArgs(
  instructions: readonly Instruction[],
  options: {
    readonly given: Readonly<Record<string, string>>;
    readonly platform: ReadonlyMap<string, string>;
    readonly escape: string;
  },
): ReadonlyMap<string, string> {
  const values = new Map(options.platform);
  for (const instruction of instructions) {
    const words = { escape: options.escape, variable: (name: string) => values.get(name) };
    for (const { name, value } of argsOf(instruction, words)) {
      const chosen = options.given[name] ?? value;
      if (chosen !== undefined) values.set(name, chosen);
    }
  }
  return values;
}
