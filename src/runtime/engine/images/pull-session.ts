import type { RegistryCredentials } from "../../index.ts";
import type { Reference } from "./reference.ts";
import type { RegistrySettings, SessionOptions } from "./registry/index.ts";

/** To read from the repository that a reference names. */
export function pullSession(
  { domain, path }: Reference,
  settings: RegistrySettings,
  {
    credentials,
    signal,
  }: { readonly credentials?: RegistryCredentials | undefined; readonly signal?: AbortSignal | undefined },
): SessionOptions {
  return { domain, settings, credentials, scope: `repository:${path}:pull`, signal };
}
