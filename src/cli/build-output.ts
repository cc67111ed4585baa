import { resolve } from "node:path";
import type { Readable } from "node:stream";
import { parseKeyValues } from "../lib/key-values.ts";
import { usageError } from "./cli-error.ts";
import { writeArchive } from "./commands/export.ts";
import type { Context } from "./context.ts";
import { unpackInto } from "./copy-files.ts";

/** What becomes of a build's result. */
export type BuildOutput =
  /** `path`: a folder, or the tar's file; absent: a tar to stdout. */
  | { readonly kind: "files"; readonly isTar: boolean; readonly path?: string }
  | { readonly kind: "image"; readonly archive?: string };

/** `--output`, in docker's words. Without it there is an image. */
export function parseBuildOutput(text: string | undefined, cwd: string): BuildOutput {
  if (text === undefined) return { kind: "image" };
  if (text === "-") return { kind: "files", isTar: true };
  if (!text.includes("=")) return { kind: "files", isTar: false, path: resolve(cwd, text) };
  const fields = new Map(parseKeyValues(text));
  const type = fields.get("type");
  const dest = fields.get("dest");
  const path = dest === undefined || dest === "-" ? undefined : resolve(cwd, dest);
  const isUnknown = [...fields].some(
    ([key, value]) => value === undefined || (key !== "type" && key !== "dest"),
  );
  if (isUnknown) throw usageError(`Invalid output "${text}": only type and dest are known`);
  if (type === "tar") return { kind: "files", isTar: true, ...(path !== undefined && { path }) };
  if (type === "local") {
    if (path === undefined) throw usageError(`Invalid output "${text}": it needs a folder, dest=`);
    return { kind: "files", isTar: false, path };
  }
  if (type === "image" || (type === "docker" && dest === undefined)) return { kind: "image" };
  if ((type === "docker" || type === "oci") && path !== undefined) return { kind: "image", archive: path };
  throw usageError(
    `Invalid output "${text}": it is a folder, -, or type=local, tar, docker, oci or image, with dest=`,
  );
}

export async function writeFiles(
  context: Context,
  files: Readable,
  { isTar, path }: Extract<BuildOutput, { kind: "files" }>,
): Promise<void> {
  if (isTar || path === undefined) await writeArchive(context, files, path);
  else await unpackInto(files, path);
}
