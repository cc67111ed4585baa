import { compact } from "../../lib/compact.ts";
import type { RegistryCredentials } from "../index.ts";
import { WireObject } from "./wire-object.ts";

export function credentialsFromWire(body: WireObject): RegistryCredentials | undefined {
  const username = body.filled("username");
  const password = body.filled("password");
  const [authUser, authPassword] = splitAuth(body.filled("auth"));
  const credentials = compact<RegistryCredentials>({
    username: username ?? authUser,
    password: password ?? authPassword,
    identityToken: body.filled("identitytoken"),
    registryToken: body.filled("registrytoken"),
    serverAddress: body.filled("serveraddress"),
  });
  const { serverAddress: _serverAddress, ...secrets } = credentials;
  return Object.keys(secrets).length === 0 ? undefined : credentials;
}

function splitAuth(auth: string | undefined): readonly (string | undefined)[] {
  if (auth === undefined) return [];
  const text = Buffer.from(auth, "base64").toString();
  const at = text.indexOf(":");
  return at < 0 ? [] : [text.slice(0, at), text.slice(at + 1)];
}

export function credentialsToWire(credentials: RegistryCredentials): Readonly<Record<string, unknown>> {
  return compact<Record<string, unknown>>({
    username: credentials.username,
    password: credentials.password,
    identitytoken: credentials.identityToken,
    registrytoken: credentials.registryToken,
    serveraddress: credentials.serverAddress,
  });
}

/** `X-Registry-Auth`: base64url of one set of credentials. Garbage counts as none, as Docker has it. */
export function credentialsFromHeader(header: string | undefined): RegistryCredentials | undefined {
  const json = decodeHeader(header);
  return json === undefined ? undefined : credentialsFromWire(json);
}

/** `X-Registry-Config`: the same, for many registries by host. */
export function credentialsMapFromHeader(
  header: string | undefined,
): Readonly<Record<string, RegistryCredentials>> {
  const json = decodeHeader(header);
  if (json === undefined) return {};
  const entries = json
    .keys()
    .map((host) => [host, credentialsFromWire(json.object(host))] as const)
    .filter((entry): entry is [string, RegistryCredentials] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}

export function credentialsToHeader(credentials: RegistryCredentials | undefined): string {
  return Buffer.from(
    JSON.stringify(credentials === undefined ? {} : credentialsToWire(credentials)),
  ).toString("base64url");
}

export function credentialsMapToHeader(
  credentials: Readonly<Record<string, RegistryCredentials>> | undefined,
): string {
  const wire = Object.entries(credentials ?? {}).map(([host, set]) => [host, credentialsToWire(set)]);
  return Buffer.from(JSON.stringify(Object.fromEntries(wire))).toString("base64url");
}

/** What such a header holds; garbage counts as nothing. */
export function decodeHeader(header: string | undefined): WireObject | undefined {
  if (header === undefined || header === "") return undefined;
  try {
    return new WireObject(JSON.parse(Buffer.from(header, "base64url").toString()));
  } catch {
    return undefined;
  }
}
