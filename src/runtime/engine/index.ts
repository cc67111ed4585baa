export { type Engine, type EngineOptions, openEngine } from "./engine.ts";
export type { RegistrySettings, StoreProblem } from "./images/index.ts";
