export type { CloseOptions } from "./containers/index.ts";
export { type Engine, type EngineOptions, openEngine } from "./engine.ts";
export {
  type ArtifactLayer,
  type ArtifactType,
  type RegistrySettings,
  readArtifact,
  type StoreProblem,
  writeArtifact,
} from "./images/index.ts";
