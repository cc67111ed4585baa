export type { RunStep } from "./build-session.ts";
export { type BuilderOptions, type BuildPart, openBuilder } from "./open-builder.ts";
