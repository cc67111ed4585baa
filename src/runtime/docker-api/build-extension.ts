import { decodeHeader } from "./credentials.ts";

/** Between a client and an engine that are both ours: what `POST /build` has no word for. */

export const BUILD_SECRETS_HEADER = "x-stowage-build-secrets";
export const BUILD_SSH_HEADER = "x-stowage-build-ssh";
/** Of the query: the answer brings the result's files instead of an image. */
export const BUILD_FILES = "stowage-files";

export function secretsToHeader(secrets: Readonly<Record<string, Uint8Array>>): string {
  const entries = Object.entries(secrets).map(([id, value]) => [id, Buffer.from(value).toString("base64")]);
  return Buffer.from(JSON.stringify(Object.fromEntries(entries))).toString("base64url");
}

export function secretsFromHeader(header: string): Readonly<Record<string, Uint8Array>> {
  const json = decodeHeader(header);
  const entries = (json?.keys() ?? []).map(
    (id) => [id, Buffer.from(json?.text(id) ?? "", "base64")] as const,
  );
  return Object.fromEntries(entries);
}

export function sshSocketsToHeader(sockets: Readonly<Record<string, string>>): string {
  return Buffer.from(JSON.stringify(sockets)).toString("base64url");
}

export function sshSocketsFromHeader(header: string): Readonly<Record<string, string>> {
  const json = decodeHeader(header);
  return Object.fromEntries((json?.keys() ?? []).map((id) => [id, json?.text(id) ?? ""]));
}
