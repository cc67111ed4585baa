import { readFileSync } from "node:fs";

interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string | string[];
  readonly key?: string | string[];
}

const NAME = "NODE_EXTRA_CA_CERTS";
/** bin/stowage puts the value here: Node would read and check the whole file at every start, for longer than `ps` takes. */
const SET_ASIDE = "STOWAGE_EXTRA_CA_CERTS";

let unreadFile: string | undefined;

/** Puts the variable back for whatever reads the environment or inherits it. */
export function restoreExtraCertificates(env: NodeJS.ProcessEnv): void {
  unreadFile = env[SET_ASIDE] || undefined;
  delete env[SET_ASIDE];
  if (unreadFile !== undefined) env[NAME] = unreadFile;
}

/**
 * TLS options that trust the file's certificates as Node would, where no others are named, and `added` beside them.
 */
export function withExtraCertificates<Options extends TlsOptions>(
  options: Options,
  added: readonly string[] = [],
): Options {
  if (options.ca !== undefined || (unreadFile === undefined && added.length === 0)) return options;
  const { createSecureContext, rootCertificates } = process.getBuiltinModule("node:tls");
  // Also where Node has read it: what is named here is instead of all that it trusts.
  const file = process.env[NAME];
  const ca = [...rootCertificates, ...(file ? contentOf(file) : []), ...added];
  return { ...options, secureContext: createSecureContext({ ...options, ca }) };
}

function contentOf(path: string): readonly string[] {
  try {
    return [readFileSync(path, "utf8")];
  } catch (error) {
    process.emitWarning(`Ignoring the certificates of ${NAME}`, { detail: String(error) });
    return [];
  }
}
