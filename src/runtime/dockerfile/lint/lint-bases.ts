import { splitWords } from "../name-values.ts";
import { expandWord } from "../shell-words.ts";
import type { StagedDockerfile } from "../stages.ts";
import { Names } from "./names.ts";
import type { Warn } from "./rules.ts";

/** What FROM may use without an ARG. */
const PLATFORM = ["TARGET", "BUILD"].flatMap((side) =>
  ["PLATFORM", "OS", "ARCH", "VARIANT"].map((part) => `${side}${part}`),
);

const PART = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const REFERENCE = new RegExp(
  `^(?:[A-Za-z0-9.-]+(?::\\d+)?/)?${PART}(?:/${PART})*(?::\\w[\\w.-]{0,127})?(?:@[a-z0-9]+:[0-9a-f]{32,})?$`,
);

export interface Bases {
  /** ARGs before the first FROM that have a value. */
  readonly globals: ReadonlyMap<string, string>;
  /** The images or stages of the FROMs, in order. */
  readonly names: readonly string[];
}

/** The FROMs. `buildArgs` win over defaults. */
export function lintBases(
  file: StagedDockerfile,
  buildArgs: Readonly<Record<string, string>>,
  platform: string,
  warn: Warn,
): Bases {
  const defaults = globalsOf(file, {}, platform);
  for (const { base, from } of file.stages)
    if (!REFERENCE.test(new Names(defaults, file.escapeChar).expand(base)))
      warn(
        "InvalidDefaultArgInFrom",
        `Default value for ARG ${base} results in empty or invalid base image name`,
        from,
      );
  const globals = globalsOf(file, buildArgs, platform);
  const declared = new Set(
    file.globalArgs.flatMap(({ args }) =>
      splitWords(args, file.escapeChar).map((word) => word.split("=", 1)[0] ?? ""),
    ),
  );
  const names = file.stages.map((stage) => {
    const { base, from, name = "" } = stage;
    const ofBase = new Names(globals, file.escapeChar);
    const expanded = ofBase.expand(base);
    const undeclared = (names: Names) => {
      for (const one of [...names.unknown].filter((unknown) => !declared.has(unknown)))
        warn("UndefinedArgInFrom", `FROM argument '${one}' is not declared${names.hint(one, "")}`, from);
    };
    undeclared(ofBase);
    if (stage.platform !== undefined) {
      const ofPlatform = new Names(globals, file.escapeChar);
      const wanted = ofPlatform.expand(stage.platform);
      undeclared(ofPlatform);
      const { known, unknown } = ofPlatform;
      if (known.size === 1 && unknown.size === 0 && known.has("TARGETPLATFORM") && wanted === platform)
        warn(
          "RedundantTargetPlatform",
          `Setting platform to predefined ${stage.platform} in FROM is redundant as this is the default behavior`,
          from,
        );
      if (known.size + unknown.size === 0 && !wanted.split("/").some((part) => name.includes(part)))
        warn(
          "FromPlatformFlagConstDisallowed",
          `FROM --platform flag should not use constant value "${wanted}"`,
          from,
        );
    }
    return expanded;
  });
  return { globals, names };
}

function globalsOf(
  { globalArgs, escapeChar }: StagedDockerfile,
  buildArgs: Readonly<Record<string, string>>,
  platform: string,
): ReadonlyMap<string, string> {
  const [os = "", architecture = "", variant = ""] = platform.split("/");
  const values = new Map(PLATFORM.map((name) => [name, ""]));
  for (const side of ["TARGET", "BUILD"])
    for (const [part, value] of Object.entries({
      PLATFORM: platform,
      OS: os,
      ARCH: architecture,
      VARIANT: variant,
    }))
      values.set(`${side}${part}`, value);
  for (const { args } of globalArgs)
    for (const word of splitWords(args, escapeChar)) {
      const [, name = word, value] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
      const chosen =
        buildArgs[name] ??
        (value && expandWord(value, { escape: escapeChar, variable: (one) => values.get(one) }));
      if (chosen !== undefined) values.set(name, chosen);
    }
  return values;
}
