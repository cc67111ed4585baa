import type { Images, PullOptions, RegistryCredentials } from "../../index.ts";
import { RuntimeError } from "../../index.ts";
import { checkFilterKeys, isTrueFilter } from "../filters.ts";
import { parseImageConfig } from "./image-config.ts";
import type { ImageContext } from "./image-context.ts";
import { JsonShape } from "./json-shape.ts";
import { MAX_CONFIG_BYTES, parseManifest } from "./manifest.ts";
import type { Platform } from "./platform.ts";
import { manifestError } from "./pull-image.ts";
import { pullSession } from "./pull-session.ts";
import { familiarName, parseReference, type Reference, withDefaultTag } from "./reference.ts";
import { bodyOf, RegistrySession, Repository } from "./registry/index.ts";

type Resolved = Awaited<ReturnType<Images["resolve"]>>;
type SearchOptions = NonNullable<Parameters<Images["search"]>[1]>;
type Found = Awaited<ReturnType<Images["search"]>>;

const MAX_ANSWER_BYTES = 4 << 20;
const DEFAULT_LIMIT = 25;
const SEARCH_KEYS: ReadonlySet<string> = new Set(["stars", "is-official", "is-automated"]);
const HUB_INDEX = "index.docker.io";

/** What a registry holds under a reference. */
export async function resolveInRegistry(
  context: ImageContext,
  text: string,
  options: PullOptions = {},
): Promise<Resolved> {
  const reference = withDefaultTag(parseReference(text));
  const session = pullSession(reference, context.registries, options);
  return RegistrySession.run(session, async (opened) => {
    const repository = new Repository(opened, reference.path);
    const { bytes, mediaType, digest, size } = await fetchManifest(repository, reference);
    const document = parseManifest(bytes.toString(), mediaType);
    const platforms =
      document.kind === "index"
        ? document.manifests.flatMap((entry) => entry.platform ?? [])
        : [await platformOf(repository, document.config.digest)];
    return { mediaType: document.mediaType, digest, sizeBytes: size, platforms };
  });
}

async function fetchManifest(repository: Repository, reference: Reference) {
  try {
    return await repository.manifest(reference.digest ?? reference.tag ?? "");
  } catch (error) {
    throw manifestError(reference, error);
  }
}

async function platformOf(repository: Repository, configDigest: string): Promise<Platform> {
  const { body } = await repository.blob(configDigest, 0);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_CONFIG_BYTES)
      throw new RuntimeError("invalid", "Cannot use manifest: its configuration is too long");
    chunks.push(chunk);
  }
  const { os, architecture, variant } = parseImageConfig(Buffer.concat(chunks).toString());
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** Checks credentials where they are for; Docker Hub when they do not say. */
export async function logInToRegistry(
  context: ImageContext,
  credentials: RegistryCredentials,
): Promise<Awaited<ReturnType<Images["login"]>>> {
  const domain = serverDomain(credentials.serverAddress);
  const session = { domain, settings: context.registries, credentials, isPush: true };
  const { identityToken } = await RegistrySession.run(session, (opened) => opened.logIn());
  return { status: "Login Succeeded", ...(identityToken === undefined ? {} : { identityToken }) };
}

/** `https://index.docker.io/v1/` is how clients spell Docker Hub. */
function serverDomain(address: string | undefined): string {
  if (address === undefined || address === "") return "docker.io";
  const host = address.replace(/^https?:\/\//, "").split("/")[0] ?? "";
  if (!/^[\w.:[\]-]+$/.test(host)) throw new RuntimeError("invalid", `Invalid registry address "${address}"`);
  return host === HUB_INDEX || host === "registry-1.docker.io" ? "docker.io" : host;
}

/** By the old index of Docker Hub and its like, or by a registry's catalogue where there is none. */
export async function searchRegistry(
  context: ImageContext,
  term: string,
  options: SearchOptions = {},
): Promise<Found> {
  const limit = options.limit === undefined || options.limit === 0 ? DEFAULT_LIMIT : options.limit;
  if (limit < 1 || limit > 100)
    throw new RuntimeError("invalid", `limit ${limit} is outside the range of [1, 100]`);
  const test = searchTest(options);
  const { domain, query } = searchTarget(term);
  const session = {
    domain,
    settings: context.registries,
    credentials: options.credentials,
    scope: "registry:catalog:*",
  };
  const found = await RegistrySession.run(session, (opened) => searchIn(opened, query, limit));
  return found.filter(test).slice(0, limit);
}

function searchTarget(term: string): { readonly domain: string; readonly query: string } {
  const slash = term.indexOf("/");
  const first = slash === -1 ? "" : term.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === "localhost";
  return isHost
    ? { domain: first, query: term.slice(slash + 1) }
    : { domain: HUB_INDEX, query: term.replace(/^library\//, "") };
}

async function searchIn(session: RegistrySession, query: string, limit: number): Promise<Found> {
  const url = session.url("/v1/search");
  url.searchParams.set("q", query);
  url.searchParams.set("n", String(limit));
  const response = await session.request(url, { method: "GET", accept: [200, 404], follow: true });
  const text = (await bodyOf(response, MAX_ANSWER_BYTES)).toString();
  if (response.status === 404) return searchCatalogue(session, query);
  return JsonShape.parse(text, "search results")
    .objects("results")
    .map((result) => ({
      name: result.text("name") ?? "",
      description: result.text("description") ?? "",
      stars: result.number("star_count") ?? 0,
      isOfficial: result.flag("is_official"),
    }));
}

async function searchCatalogue(session: RegistrySession, query: string): Promise<Found> {
  const url = session.url("/v2/_catalog");
  url.searchParams.set("n", "1000");
  const response = await session.request(url, { method: "GET", accept: [200], follow: true });
  const shape = JsonShape.parse((await bodyOf(response, MAX_ANSWER_BYTES)).toString(), "catalogue");
  const { host } = session.url("/");
  return (shape.texts("repositories") ?? [])
    .filter((name) => name.includes(query))
    .map((name) => ({
      name: familiarName({ domain: host, path: name }),
      description: "",
      stars: 0,
      isOfficial: false,
    }));
}

function searchTest({ filters = {} }: SearchOptions): (result: Found[number]) => boolean {
  checkFilterKeys(filters, SEARCH_KEYS);
  const stars = Math.max(0, ...(filters["stars"] ?? []).map(starsOf));
  const official = filters["is-official"]?.length
    ? isTrueFilter("is-official", filters["is-official"])
    : undefined;
  const automated = filters["is-automated"]?.length
    ? isTrueFilter("is-automated", filters["is-automated"])
    : false;
  return (result) =>
    !automated && result.stars >= stars && (official === undefined || result.isOfficial === official);
}

function starsOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new RuntimeError("invalid", `invalid filter 'stars=${text}'`);
  return Number(text);
}
