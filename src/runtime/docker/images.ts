import type { Readable } from "node:stream";
import { compact } from "../../lib/compact.ts";
import {
  credentialsToHeader,
  credentialsToWire,
  filtersToQuery,
  historyEntryFromWire,
  imageInfoFromWire,
  imageSummaryFromWire,
  progressFromWire,
  removalFromWire,
  WireObject,
  wireObjects,
} from "../docker-api/index.ts";
import { type ImageProgress, type Images, type RegistryCredentials, RuntimeError } from "../index.ts";
import { buildFiles, buildImage } from "./build.ts";
import type { CallOptions, Connection } from "./connection.ts";
import { splitReference } from "./containers.ts";
import { linesOf } from "./read-stream.ts";

export function dockerImages(connection: Connection): Images {
  const inspect: Images["inspect"] = async (reference) =>
    imageInfoFromWire(await connection.object("GET", `${at(reference)}/json`));
  return {
    ...transfers(connection, inspect),
    inspect,
    build: (options) => buildImage(connection, options),
    buildFiles: (options, take) => buildFiles(connection, options, take),
    async list({ all, filters, sharedSize } = {}) {
      const query = { all, "shared-size": sharedSize, filters: filtersToQuery(filters) };
      return wireObjects(await connection.json("GET", "/images/json", { query })).map(imageSummaryFromWire);
    },
    async history(reference) {
      return wireObjects(await connection.json("GET", `${at(reference)}/history`)).map(historyEntryFromWire);
    },
    async tag(source, target) {
      const [repo, tag] = splitReference(target);
      await connection.status("POST", `${at(source)}/tag`, { query: { repo, tag } });
    },
    async remove(reference, { force, noPrune } = {}) {
      const query = { force, noprune: noPrune };
      return wireObjects(await connection.json("DELETE", at(reference), { query })).map(removalFromWire);
    },
    async prune(filters) {
      const query = { filters: filtersToQuery(filters) };
      const answer = await connection.object("POST", "/images/prune", { query });
      return {
        removed: answer.objects("ImagesDeleted").map(removalFromWire),
        reclaimedBytes: answer.number("SpaceReclaimed") ?? 0,
      };
    },
    async resolve(reference, { credentials, signal } = {}) {
      const path = `/distribution/${segments(reference)}/json`;
      const answer = await connection.object("GET", path, { headers: auth(credentials), signal });
      const descriptor = answer.object("Descriptor");
      return {
        mediaType: descriptor.text("mediaType") ?? "",
        digest: descriptor.text("digest") ?? "",
        sizeBytes: descriptor.number("size") ?? 0,
        platforms: answer.objects("Platforms").map((platform) =>
          compact<{ os: string; architecture: string; variant?: string }>({
            os: platform.text("os") ?? "",
            architecture: platform.text("architecture") ?? "",
            variant: platform.filled("variant"),
          }),
        ),
      };
    },
    async search(term, { limit, filters, credentials } = {}) {
      const query = { term, limit, filters: filtersToQuery(filters) };
      const found = await connection.json("GET", "/images/search", { query, headers: auth(credentials) });
      return wireObjects(found).map((entry) => ({
        name: entry.text("name") ?? "",
        description: entry.text("description") ?? "",
        stars: entry.number("star_count") ?? 0,
        isOfficial: entry.flag("is_official") ?? false,
      }));
    },
    async login(credentials) {
      const answer = await connection.object("POST", "/auth", { json: credentialsToWire(credentials) });
      return compact<{ status: string; identityToken?: string }>({
        status: answer.text("Status") ?? "",
        identityToken: answer.filled("IdentityToken"),
      });
    },
  };
}

export function at(reference: string): string {
  return `/images/${segments(reference)}`;
}

/** A reference keeps its slashes; everything else that could end a path is encoded. */
function segments(reference: string): string {
  return reference
    .split("/")
    .map((segment) => encodeURIComponent(segment).replaceAll("%3A", ":").replaceAll("%40", "@"))
    .join("/");
}

function auth(credentials: RegistryCredentials | undefined): Readonly<Record<string, string>> {
  return { "x-registry-auth": credentialsToHeader(credentials) };
}

type Inspect = Images["inspect"];

function transfers(
  connection: Connection,
  inspect: Inspect,
): Pick<Images, "pull" | "push" | "import" | "load" | "save"> {
  return {
    async pull(reference, { allTags, platform, credentials, onProgress, signal } = {}) {
      const [fromImage, tag] = allTags ? [reference, undefined] : splitPull(reference);
      let digest = "";
      let isNew = false;
      await follow(connection, "/images/create", {
        query: { fromImage, tag, platform },
        headers: auth(credentials),
        signal,
        onProgress: (progress) => {
          digest = /^Digest: (\S+)/.exec(progress.status)?.[1] ?? digest;
          isNew ||= progress.status.startsWith("Status: Downloaded newer image");
          onProgress?.(progress);
        },
      });
      return { id: (await inspect(allTags ? `${reference}@${digest}` : reference)).id, digest, isNew };
    },
    async push(reference, { credentials, onProgress, signal } = {}) {
      const [name = "", tag = "latest"] = splitReference(reference);
      let digest = "";
      await follow(connection, `${at(name)}/push`, {
        query: { tag },
        headers: auth(credentials),
        json: {},
        signal,
        onProgress: (progress) => {
          digest = new WireObject(progress.aux).text("Digest") ?? digest;
          onProgress?.(progress);
        },
      });
      return { digest };
    },
    async import(archive, { reference, message, changes, platform, signal } = {}) {
      const [repo, tag] = splitReference(reference);
      let id = "";
      await follow(connection, "/images/create", {
        query: { fromSrc: "-", repo, tag, message, changes, platform },
        body: archive,
        headers: { "content-type": "application/x-tar" },
        signal,
        onProgress: (progress) => {
          id = progress.status.startsWith("sha256:") ? progress.status : id;
        },
      });
      return { id };
    },
    async load(archive, { onProgress, signal } = {}) {
      const references: string[] = [];
      const ids: string[] = [];
      await follow(connection, "/images/load", {
        query: { quiet: onProgress === undefined },
        body: archive,
        headers: { "content-type": "application/x-tar" },
        signal,
        onProgress: (progress) => {
          const [, isId, name] = /^Loaded image( ID)?: (\S+)/.exec(progress.status) ?? [];
          if (name === undefined) onProgress?.(progress);
          else (isId === undefined ? references : ids).push(name);
        },
      });
      for (const reference of references) ids.push((await inspect(reference)).id);
      return { references, ids: [...new Set(ids)] };
    },
    async save(references): Promise<Readable> {
      return connection.open("GET", "/images/get", { query: { names: references } });
    },
  };
}

/** A digest goes where the tag goes; without either Docker would fetch every tag there is. */
function splitPull(reference: string): readonly [string, string] {
  const at = reference.indexOf("@");
  if (at >= 0) return [reference.slice(0, at), reference.slice(at + 1)];
  const [name = reference, tag = "latest"] = splitReference(reference);
  return [name, tag];
}

/** Reads a stream of progress to its end; what went wrong in it is thrown. */
async function follow(
  connection: Connection,
  path: string,
  options: CallOptions & { readonly onProgress: (progress: ImageProgress) => void },
): Promise<void> {
  const { onProgress, ...call } = options;
  const response = await connection.open("POST", path, call);
  for await (const line of linesOf(response, call.signal))
    onProgress(progressFromWire(new WireObject(JSON.parse(line))));
  if (call.signal?.aborted === true) throw new RuntimeError("cancelled", "The call was cancelled");
}
