export { openDockerRuntime } from "./docker-runtime.ts";
export { type Documents, documentsOf } from "./documents.ts";
export { type EngineAddress, type FindEngineOptions, findEngine } from "./find-engine.ts";
