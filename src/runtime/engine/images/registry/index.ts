export type { RegistrySettings } from "./endpoints.ts";
export { bodyOf } from "./http-request.ts";
export { RegistryFailure, RegistrySession, type SessionOptions } from "./registry-session.ts";
export { type FetchedManifest, Repository } from "./repository.ts";
