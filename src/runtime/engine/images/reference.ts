import { RuntimeError } from "../../index.ts";
import type { Digest } from "./digest.ts";

/**
 * A name of an image. The grammar and the short forms are those of the distribution project: `nginx` is
 * `docker.io/library/nginx:latest`, a first part with a dot, a colon or capitals, or `localhost`, is a registry.
 */
export interface Reference {
  /** Registry host with port. */
  readonly domain: string;
  /** `library/nginx`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const DEFAULT_DOMAIN = "docker.io";
const LEGACY_DOMAIN = "index.docker.io";
const OFFICIAL = "library/";
export const DEFAULT_TAG = "latest";

const DOMAIN =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[\w][\w.-]{0,127}$/;
const HEX64 = /^[a-f0-9]{64}$/;
const MAX_NAME = 255;

/** `invalid` with Docker's text. A tag is not filled in: see `withDefaultTag`. */
export function parseReference(text: string): Reference {
  if (HEX64.test(text))
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  const { domain, remainder } = splitDomain(text);
  const name = /^[^:@]*/.exec(remainder)?.[0] ?? "";
  if (name.toLowerCase() !== name)
    throw invalid(`invalid reference format: repository name (${name}) must be lowercase`);
  const suffix = /^(?::([^@]*))?(?:@(.*))?$/s.exec(remainder.slice(name.length));
  if (suffix === null || !DOMAIN.test(domain) || !name.split("/").every((part) => PATH_COMPONENT.test(part)))
    throw invalid("invalid reference format");
  const [, tag, digest] = suffix;
  if (tag !== undefined && !TAG.test(tag)) throw invalid("invalid reference format");
  if (digest !== undefined) checkDigest(digest);
  if (domain.length + 1 + name.length > MAX_NAME)
    throw invalid(`repository name must not be more than ${MAX_NAME} characters`);
  return {
    domain,
    path: name,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function splitDomain(text: string): { readonly domain: string; readonly remainder: string } {
  const slash = text.indexOf("/");
  const first = slash === -1 ? "" : text.slice(0, slash);
  const isDomain =
    slash !== -1 && (/[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first);
  const domain = !isDomain || first === LEGACY_DOMAIN ? DEFAULT_DOMAIN : first;
  const remainder = isDomain ? text.slice(slash + 1) : text;
  const isOfficial = domain === DEFAULT_DOMAIN && !remainder.includes("/");
  return { domain, remainder: isOfficial ? OFFICIAL + remainder : remainder };
}

function checkDigest(text: string): void {
  const match = /^([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*):([0-9a-fA-F]{32,})$/.exec(text);
  if (match === null) throw invalid("invalid reference format");
  if (match[1] !== "sha256") throw invalid("unsupported digest algorithm");
  if (match[2]?.length !== 64) throw invalid("invalid checksum digest length");
  if (match[2] !== match[2].toLowerCase()) throw invalid("invalid checksum digest format");
}

function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid", message);
}

/** A reference with neither tag nor digest means `latest`. */
export function withDefaultTag(reference: Reference): Reference {
  const isBare = reference.tag === undefined && reference.digest === undefined;
  return isBare ? { ...reference, tag: DEFAULT_TAG } : reference;
}

export function repositoryOf(reference: Reference): string {
  return `${reference.domain}/${reference.path}`;
}

/** `docker.io/library/nginx:1`, the form under which names are compared and stored. */
export function canonicalText(reference: Reference): string {
  return repositoryOf(reference) + suffixOf(reference);
}

/** `nginx:1`, the form people see. */
export function familiarText(reference: Reference): string {
  return familiarName(reference) + suffixOf(reference);
}

export function familiarName({ domain, path }: Reference): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`;
  const isOfficial = path.startsWith(OFFICIAL) && !path.slice(OFFICIAL.length).includes("/");
  return isOfficial ? path.slice(OFFICIAL.length) : path;
}

function suffixOf({ tag, digest }: Reference): string {
  return (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
}

/** The host to ask: Docker Hub answers under another name than its images have. */
export function registryHostOf(reference: Reference): string {
  return reference.domain === DEFAULT_DOMAIN ? "registry-1.docker.io" : reference.domain;
}
