import type { Readable } from "node:stream";
import { compact } from "../../lib/compact.ts";
import { credentialsFromHeader } from "../../runtime/docker-api/index.ts";
import type { ImageProgress } from "../../runtime/index.ts";
import { RuntimeError } from "../../runtime/index.ts";
import { type Call, param } from "../call.ts";
import { fullRepository } from "../full-name.ts";
import { type ProgressStream, streamProgress } from "../progress-stream.ts";
import { filled, flag } from "../query.ts";
import { openDownload } from "../remote-context.ts";
import { invalid, SENT, StatusError } from "../reply.ts";
import type { Route } from "../router.ts";
import { checkPlatform, fits, platformText, wantedPlatforms } from "../wanted-platform.ts";
import { pipe } from "./archive.ts";
import { joinTag } from "./containers.ts";
import { registryAuth } from "./images.ts";

export const imageTransferRoutes: readonly Route[] = [
  { method: "POST", path: "/images/create", handle: create },
  { method: "POST", path: "/images/load", handle: load },
  { method: "GET", path: "/images/get", handle: (call) => save(call, call.query.getAll("names")) },
  { method: "GET", path: "/images/{name*}/get", handle: (call) => save(call, [param(call, "name")]) },
  { method: "POST", path: "/images/{name*}/push", handle: push },
];

/** One route for two deeds: pull from a registry, or import a root file system. */
function create(call: Call): Promise<typeof SENT> {
  return filled(call.query, "fromImage") === undefined ? importRootfs(call) : pull(call);
}

function pull(call: Call): Promise<typeof SENT> {
  const { query } = call;
  const reference = pulledReference(filled(query, "fromImage") ?? "", filled(query, "tag"));
  const isTagged = /[:@]/.test(reference.slice(reference.lastIndexOf("/") + 1));
  return streamProgress(call, async (stream) => {
    const { digest, isNew } = await call.runtime.images.pull(
      reference,
      compact({
        allTags: isTagged ? undefined : true,
        platform: filled(query, "platform"),
        credentials: credentialsFromHeader(registryAuth(call)),
        onProgress: withoutSummary(stream, isTagged),
        signal: call.signal,
      }),
    );
    if (isTagged) stream.progress({ status: `Digest: ${digest}` });
    stream.progress({
      status: isNew
        ? `Status: Downloaded newer image for ${reference}`
        : `Status: Image is up to date for ${reference}`,
    });
  });
}

/** A tag that is given goes before the image's own, and leaves its digest; a digest in its place goes before both. */
function pulledReference(image: string, tag: string | undefined): string {
  if (tag === undefined) return joinTag(image, tag);
  const [named = "", ...digest] = image.split("@");
  const repository = named.replace(/:[^:/]*$/, "");
  if (DIGEST.test(tag)) return joinTag(repository, tag);
  if (!TAG.test(tag)) throw invalid("invalid tag format");
  return [joinTag(repository, tag), ...digest].join("@");
}

const DIGEST = /^[a-z0-9+._-]+:[0-9a-f]{32,}$/i;
const TAG = /^\w[\w.-]{0,127}$/;

/** The closing lines are written here, whatever the engine's own progress says; of several tags each has its digest. */
function withoutSummary(stream: ProgressStream, isTagged: boolean): (progress: ImageProgress) => void {
  const isSummary = isTagged ? /^(?:Digest|Status): / : /^Status: /;
  return (progress) => {
    if (!isSummary.test(progress.status)) stream.progress(progress);
  };
}

async function importRootfs(call: Call): Promise<typeof SENT> {
  const { query } = call;
  const source = filled(query, "fromSrc");
  if (source === undefined)
    throw new StatusError(500, "invalid", 'Get "http:": http: no Host in request URL');
  const repository = filled(query, "repo");
  return streamProgress(call, async (stream) => {
    const archive = source === "-" ? call.body : await download(source, call.signal);
    const { id } = await call.runtime.images.import(
      archive,
      compact({
        reference: repository && joinTag(repository, filled(query, "tag")),
        message: filled(query, "message") ?? (source === "-" ? undefined : `Imported from ${source}`),
        changes: query.getAll("changes").filter((line) => line.trim() !== ""),
        platform: filled(query, "platform"),
        signal: call.signal,
      }),
    );
    stream.progress({ status: id });
  });
}

function download(source: string, signal: AbortSignal): Promise<Readable> {
  return openDownload(/^https?:\/\//.test(source) ? source : `http://${source}`, signal);
}

async function push(call: Call): Promise<typeof SENT> {
  const name = param(call, "name");
  const tag = filled(call.query, "tag");
  const pushed = joinTag(name, tag);
  const wanted = wantedPlatforms(call.query);
  if (wanted.length > 0) checkPlatform(pushed, await call.runtime.images.inspect(pushed), wanted);
  return streamProgress(call, async (stream) => {
    await stream.line({ status: `The push refers to repository [${fullRepository(name)}]` });
    const references = tag === undefined ? await tagsOf(call, name) : [pushed];
    if (references.length === 0)
      throw new RuntimeError("internal", `An image does not exist locally with the tag: ${name}`);
    for (const reference of references) {
      await call.runtime.images.push(
        reference,
        compact({
          credentials: credentialsFromHeader(registryAuth(call)),
          onProgress: stream.progress,
          signal: call.signal,
        }),
      );
    }
  });
}

/** Every local tag of a repository, for a push that names none. */
async function tagsOf(call: Call, name: string): Promise<readonly string[]> {
  if (name.includes(":", name.lastIndexOf("/") + 1)) return [name];
  const images = await call.runtime.images.list({ filters: { reference: [name] } });
  return images
    .flatMap((image) => image.repoTags)
    .filter((reference) => reference.slice(0, reference.lastIndexOf(":")) === name)
    .sort();
}

function load(call: Call): Promise<typeof SENT> {
  const isQuiet = flag(call.query, "quiet");
  return streamProgress(call, async (stream) => {
    // The answer begins before the work does: what fails is told in the stream, as clients expect.
    if (!isQuiet) await stream.line({ status: "Loading" });
    const { references, ids } = await call.runtime.images.load(
      call.body,
      compact({ onProgress: isQuiet ? undefined : stream.progress, signal: call.signal }),
    );
    for (const reference of references) await stream.line({ stream: `Loaded image: ${reference}\n` });
    if (references.length === 0)
      for (const id of ids) await stream.line({ stream: `Loaded image ID: ${id}\n` });
  });
}

async function save(call: Call, names: readonly string[]): Promise<typeof SENT> {
  const references = names.flatMap((name) => name.split(",")).filter((name) => name !== "");
  if (references.length === 0) throw invalid("no image names to save");
  await checkSaved(call, references);
  const archive = await call.runtime.images.save(references);
  await pipe(archive, call.openStream({ contentType: "application/x-tar" }), call);
  return SENT;
}

/** What is not there by that name is for the save to tell: it may be a repository. */
async function checkSaved({ runtime, query }: Call, references: readonly string[]): Promise<void> {
  const wanted = wantedPlatforms(query);
  if (wanted.length === 0) return;
  const listed = await runtime.images.list({ filters: { reference: references } });
  for (const { id } of listed) {
    const image = await runtime.images.inspect(id);
    const missing = wanted.find((platform) => !fits(image, platform));
    if (missing !== undefined)
      throw new RuntimeError(
        "not-found",
        `no suitable export target found for platform ${platformText(missing)}`,
      );
  }
}
