import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { COMPOSE_VERSION } from "../planner/index.ts";
import type { ArtifactLayer } from "../runtime/engine/index.ts";
import { type FileMention, fileMentionsIn, isRemote } from "../spec/index.ts";
import { CliError } from "./cli-error.ts";
import { COMPOSE_LAYER } from "./compose-artifact.ts";

export interface ArtifactFiles {
  readonly layers: readonly ArtifactLayer[];
  /** Named by the files, and not part of an artifact: who reads it elsewhere does not have them. */
  readonly left: readonly string[];
}

/**
 * A project's Compose files as the layers of an artifact: in order, then the files that they extend, then env files where
 * they are wanted. In the texts those have the names that they have there, made of their paths as docker compose makes them.
 */
export async function artifactFiles(
  composeFiles: readonly string[],
  environment: Readonly<Record<string, string>>,
  options: { readonly withEnvFiles: boolean },
): Promise<ArtifactFiles> {
  const collected = new Map<string, { readonly kind: "extends" | "env_file"; readonly name: string }>();
  const left: string[] = [];
  const layers: ArtifactLayer[] = [];
  const nameOf = (kind: "extends" | "env_file", path: string) => {
    const ending = kind === "extends" ? "yaml" : "env";
    const name = `${createHash("sha256").update(path).digest("hex")}.${ending}`;
    collected.set(path, { kind, name });
    return name;
  };
  const rewritten = async (file: string) => {
    const text = await readFile(file, "utf8");
    const changes: Change[] = [];
    for (const mention of await fileMentionsIn(text, environment)) {
      if (isRemote(mention.path)) continue;
      if (mention.kind === "include") throw localInclude(file, mention);
      if (mention.kind === "label_file") left.push(mention.path);
      else changes.push({ ...mention, by: nameOf(mention.kind, resolve(dirname(file), mention.path)) });
    }
    return Buffer.from(withChanges(text, changes));
  };
  for (const file of composeFiles) layers.push(fileLayer(basename(file), await rewritten(file)));
  // Grows as extended files name others.
  for (const [path, { kind, name }] of collected) {
    if (kind === "extends") {
      const bytes = await rewritten(path);
      layers.push(fileLayer(name, bytes, { [COMPOSE_LAYER.isExtended]: "true" }));
    }
  }
  for (const [path, { kind, name }] of collected) {
    if (kind !== "env_file" || !options.withEnvFiles) continue;
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes === undefined) left.push(path);
    else layers.push({ mediaType: COMPOSE_LAYER.envFile, bytes, annotations: envAnnotations(name) });
  }
  return { layers, left };
}

/** A Compose file of the artifact. */
export function fileLayer(
  name: string,
  bytes: Buffer,
  more: Readonly<Record<string, string>> = {},
): ArtifactLayer {
  const annotations = { [COMPOSE_LAYER.fileName]: name, [COMPOSE_LAYER.version]: COMPOSE_VERSION, ...more };
  return { mediaType: COMPOSE_LAYER.file, bytes, annotations };
}

function envAnnotations(name: string): Readonly<Record<string, string>> {
  return { [COMPOSE_LAYER.envFileName]: name, [COMPOSE_LAYER.version]: COMPOSE_VERSION };
}

interface Change {
  readonly start: number;
  readonly end: number;
  readonly by: string;
}

function withChanges(text: string, changes: readonly Change[]): string {
  let out = "";
  let at = 0;
  for (const { start, end, by } of changes) {
    out += text.slice(at, start) + by;
    at = end;
  }
  return out + text.slice(at);
}

function localInclude(file: string, { path }: FileMention): CliError {
  return new CliError(`Cannot publish ${file}: it includes ${path}, which only this machine has`, {
    hint: "publish that first and include it as oci://, or merge it with another -f",
  });
}
