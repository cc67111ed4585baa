import type { Readable } from "node:stream";
import { RuntimeError } from "../../../index.ts";
import type { Descriptor } from "../content-store.ts";
import { type Digest, digestOf } from "../digest.ts";
import { JsonShape } from "../json-shape.ts";
import { MAX_MANIFEST_BYTES } from "../manifest.ts";
import { DOCKER, OCI } from "../media-types.ts";
import { bodyOf, discard, type HttpResponse } from "./http-request.ts";
import type { RegistrySession } from "./registry-session.ts";

const TAGS_PER_PAGE = 1000;
const MAX_TAGS_BYTES = 1 << 20;
const MANIFEST_TYPES = [DOCKER.manifest, DOCKER.manifestList, OCI.manifest, OCI.index].join(", ");

export interface FetchedManifest extends Descriptor {
  readonly bytes: Buffer;
}

/** One repository of a registry (https://github.com/opencontainers/distribution-spec). */
export class Repository {
  readonly #session: RegistrySession;
  readonly #path: string;

  constructor(session: RegistrySession, path: string) {
    this.#session = session;
    this.#path = path;
  }

  /** By tag or digest; a digest is verified. */
  async manifest(tagOrDigest: string): Promise<FetchedManifest> {
    const response = await this.#session.request(this.#url(`manifests/${tagOrDigest}`), {
      method: "GET",
      headers: { accept: MANIFEST_TYPES },
      accept: [200],
      follow: true,
    });
    const bytes = await bodyOf(response, MAX_MANIFEST_BYTES);
    const digest = digestOf(bytes);
    const wanted = tagOrDigest.startsWith("sha256:")
      ? tagOrDigest
      : response.headers["docker-content-digest"];
    if (typeof wanted === "string" && wanted.startsWith("sha256:") && wanted !== digest)
      throw new RuntimeError(
        "invalid",
        `manifest verification failed for digest ${wanted}: it has ${digest}`,
      );
    const mediaType = (response.headers["content-type"] ?? "").split(";")[0]?.trim() ?? "";
    return { bytes, digest, mediaType, size: bytes.length };
  }

  /** All of them, page by page. */
  async tags(): Promise<readonly string[]> {
    const tags: string[] = [];
    for (let last: string | undefined = ""; last !== undefined; ) {
      const url = this.#url("tags/list");
      url.searchParams.set("n", String(TAGS_PER_PAGE));
      if (last !== "") url.searchParams.set("last", last);
      const response = await this.#session.request(url, { method: "GET", accept: [200], follow: true });
      const page = JsonShape.parse((await bodyOf(response, MAX_TAGS_BYTES)).toString(), "list of tags");
      tags.push(...(page.texts("tags") ?? []));
      last = nextPage([response.headers.link].flat()[0], last);
    }
    return tags;
  }

  /** From `offset` on, or (`isPartial` false) from the start when the registry cannot do that. */
  async blob(
    digest: Digest,
    offset: number,
  ): Promise<{ readonly body: Readable; readonly isPartial: boolean }> {
    const response = await this.#session.request(this.#url(`blobs/${digest}`), {
      method: "GET",
      headers: offset === 0 ? {} : { range: `bytes=${offset}-` },
      accept: offset === 0 ? [200] : [200, 206],
      follow: true,
    });
    return { body: response.body, isPartial: response.status === 206 };
  }

  /**
   * Brings a blob here, from another repository of the same registry if that has it. What of an upload has come when
   * it breaks off is the registry's to know: a new attempt begins a new upload.
   */
  async upload(
    blob: Descriptor,
    data: () => Readable,
    from?: string,
  ): Promise<"present" | "mounted" | "uploaded"> {
    for (let attempt = 1; ; attempt++) {
      try {
        if (await this.#hasBlob(blob.digest)) return attempt === 1 ? "present" : "uploaded";
        const location = await this.#startUpload(blob.digest, from);
        if (location === undefined) return "mounted";
        await this.#finishUpload(location, blob, data);
        return "uploaded";
      } catch (error) {
        await this.#session.waitToRetry(error, attempt);
      }
    }
  }

  async #hasBlob(digest: Digest): Promise<boolean> {
    const response = await this.#session.request(this.#url(`blobs/${digest}`), {
      method: "HEAD",
      accept: [200, 404],
      follow: true,
    });
    discard(response);
    return response.status === 200;
  }

  /** Where to upload it; undefined when it could be taken from the other repository. */
  async #startUpload(digest: Digest, from: string | undefined): Promise<URL | undefined> {
    const url = this.#url("blobs/uploads/");
    if (from !== undefined) {
      url.searchParams.set("mount", digest);
      url.searchParams.set("from", from);
    }
    const response = await this.#session.request(url, {
      method: "POST",
      accept: [201, 202],
      body: () => Buffer.alloc(0),
    });
    discard(response);
    return response.status === 201 ? undefined : locationOf(response);
  }

  async #finishUpload(location: URL, blob: Descriptor, data: () => Readable): Promise<void> {
    const url = new URL(location);
    url.searchParams.set("digest", blob.digest);
    const response = await this.#session.request(url, {
      method: "PUT",
      headers: { "content-type": "application/octet-stream" },
      body: () => ({ stream: data(), bytes: blob.size }),
      accept: [201, 204],
      isOnce: true,
    });
    discard(response);
  }

  async putManifest(tagOrDigest: string, manifest: FetchedManifest): Promise<void> {
    const response = await this.#session.request(this.#url(`manifests/${tagOrDigest}`), {
      method: "PUT",
      headers: { "content-type": manifest.mediaType },
      body: () => manifest.bytes,
      accept: [200, 201, 202],
    });
    discard(response);
  }

  #url(rest: string): URL {
    return this.#session.url(`/v2/${this.#path}/${rest}`);
  }
}

/** Where the page after this one begins; undefined when there is none, or the registry goes round in a circle. */
function nextPage(link: string | undefined, last: string): string | undefined {
  const [, target = ""] = /^<([^>]*)>\s*;\s*rel="?next"?/.exec(link ?? "") ?? [];
  const next = new URLSearchParams(target.slice(target.indexOf("?") + 1)).get("last");
  return next === null || next <= last ? undefined : next;
}

function locationOf(response: HttpResponse): URL {
  const location = response.headers.location;
  if (location === undefined || !URL.canParse(location, response.url.href))
    throw new RuntimeError("unavailable", "Cannot upload: the registry does not say where to");
  return new URL(location, response.url);
}
