export { checkForms } from "./check-forms.ts";
export {
  applyChanges,
  applyConfigInstruction,
  type ConfigState,
  commandOf,
  DEFAULT_SHELL,
  envMap,
  isConfigInstruction,
} from "./config-instructions.ts";
export { DockerfileError, type Lines, parseError } from "./dockerfile-error.ts";
export { excerpt } from "./excerpt.ts";
export { type LintReport, lintDockerfile } from "./lint/lint-dockerfile.ts";
export { knownTo, lintOnRuntime } from "./lint/lint-on-runtime.ts";
export { type LintWarning, RULES, ruleUrl } from "./lint/rules.ts";
export { parseNameValues, parseTextList, splitWords } from "./name-values.ts";
export { commentOn, type Outline, outlineOf } from "./outline.ts";
export {
  type Dockerfile,
  type Heredoc,
  type Instruction,
  parseDockerfile,
} from "./parse-dockerfile.ts";
export { expandWord, expandWords, type WordOptions } from "./shell-words.ts";
export { findStage, type Stage, type StagedDockerfile, splitStages, targetStage } from "./stages.ts";
