export { type Engine, type EngineOptions, openEngine } from "./engine.ts";
export {
  type ArtifactLayer,
  type ArtifactType,
  type RegistrySettings,
  readArtifact,
  type StoreProblem,
} from "./images/index.ts";
