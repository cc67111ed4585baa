import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { credentialsFor, readEngineSettings, settingsPath } from "../daemon/client.ts";
import { COMPOSE_FILE_NAMES } from "../lib/compose-file-names.ts";
import { errorChain } from "../lib/log.ts";
import type { ArtifactLayer } from "../runtime/engine/index.ts";
import { COMPOSE_ARTIFACT, COMPOSE_LAYER } from "./compose-artifact.ts";
import { checkSwitch, type Environment, heldPath, hold, isHeld } from "./remote-cache.ts";

/** Of all files of an artifact together. */
const MAX_BYTES = 32 << 20;

const MAIN = COMPOSE_FILE_NAMES[0];

/**
 * The path of the Compose file of an `oci://registry/name[:tag|@digest]`, as `docker compose publish` makes them. Each
 * digest is downloaded once, into the user's cache, with the user's own credentials; what a tag leads to is asked each time.
 */
export async function fetchOciFile(address: string, environment: Environment): Promise<string> {
  checkSwitch("COMPOSE_EXPERIMENTAL_OCI_REMOTE", environment);
  const reference = address.slice("oci://".length);
  const { readArtifact } = await import("../runtime/engine/index.ts");
  const pathOf = (digest: string) => heldPath(environment, "oci", digest.replace(":", "-"));
  try {
    const { digest, layers } = await readArtifact(reference, COMPOSE_ARTIFACT, {
      registries: readEngineSettings(settingsPath(environment)),
      credentials: await credentialsFor(reference, environment),
      maxBytes: MAX_BYTES,
      isHeld: (found) => isHeld(pathOf(found)),
    });
    const path = pathOf(digest);
    if (!(await isHeld(path))) await hold(path, (dir) => writeFiles(filesOf(layers), dir));
    return join(path, MAIN);
  } catch (error) {
    throw new Error(errorChain(error), { cause: error });
  }
}

/** By name. Compose files of one name are one file's documents, merged in order. */
function filesOf(layers: readonly ArtifactLayer[]): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const { mediaType, annotations, bytes } of layers) {
    if (mediaType === COMPOSE_LAYER.file) {
      const isExtended = annotations[COMPOSE_LAYER.isExtended] !== undefined;
      const name = isExtended ? plainName(annotations[COMPOSE_LAYER.fileName]) : MAIN;
      const before = files.get(name);
      files.set(name, before === undefined ? bytes : Buffer.concat([before, Buffer.from("\n---\n"), bytes]));
    } else if (mediaType === COMPOSE_LAYER.envFile) {
      const name = plainName(annotations[COMPOSE_LAYER.envFileName]);
      if (files.get(name)?.equals(bytes) === false) throw new Error(`the artifact has two files "${name}"`);
      files.set(name, bytes);
    }
  }
  if (!files.has(MAIN)) throw new Error("the artifact has no Compose file in it");
  return files;
}

/** A name says where a file goes: nowhere but into the artifact's own folder. */
function plainName(name: string | undefined): string {
  if (name === undefined) throw new Error("the artifact has a file without a name");
  if (/^\.{0,2}$|[/\\\0]/.test(name) || name.length > 255)
    throw new Error(`the artifact names a file ${JSON.stringify(name)}, which is no plain name`);
  return name;
}

async function writeFiles(files: ReadonlyMap<string, Buffer>, dir: string): Promise<void> {
  await mkdir(dir, { mode: 0o700 });
  for (const [name, bytes] of files) await writeFile(join(dir, name), bytes, { mode: 0o600 });
}
