import { Readable } from "node:stream";
import { compact } from "../../lib/compact.ts";
import {
  BUILD_FILES,
  BUILD_SECRETS_HEADER,
  BUILD_SSH_HEADER,
  credentialsMapFromHeader,
  EXTENSION,
  FOLDER_UPLOAD_TYPE,
  type FolderUpload,
  filtersFromQuery,
  folderUploadFromWire,
  secretsFromHeader,
  sshSocketsFromHeader,
  ulimitFromWire,
} from "../../runtime/docker-api/index.ts";
import type { BuildFiles, BuildOptions, FolderSource } from "../../runtime/index.ts";
import { stepUpdate } from "../buildkit/build-record.ts";
import type { Call } from "../call.ts";
import { withTag } from "../full-name.ts";
import { type ProgressStream, streamProgress } from "../progress-stream.ts";
import { filled, flag, integer, objectList, textList, textMap } from "../query.ts";
import { isRemote, openRemote } from "../remote-context.ts";
import { json, type Reply, type SENT, StatusError } from "../reply.ts";
import type { Route } from "../router.ts";

export const buildRoutes: readonly Route[] = [
  { method: "POST", path: "/build", handle: build },
  { method: "POST", path: "/build/prune", handle: prune },
];

async function build(call: Call): Promise<typeof SENT> {
  if (call.isExtended && call.query.has(BUILD_FILES)) return filesBuild(call);
  return call.query.get("version") === "2" ? tracedBuild(call) : plainBuild(call);
}

/** With version 2 the client draws the steps itself: each line is a progress message of BuildKit's. */
async function tracedBuild(call: Call): Promise<typeof SENT> {
  return streamProgress(call, async (stream) => {
    const { id } = await call.runtime.images.build({
      ...(await buildOptions(call, stream)),
      onStep: (step) =>
        void stream.line({
          id: "moby.buildkit.trace",
          aux: stepUpdate(step, new Date()).finish().toString("base64"),
        }),
    });
    await stream.line({ id: "moby.image.id", aux: { ID: id } });
  });
}

/** The result's files come among the lines, piece by piece. */
async function filesBuild(call: Call): Promise<typeof SENT> {
  return streamProgress(call, async (stream) => {
    const options = await buildOptions(call, stream);
    const onOutput = (text: string): void => void stream.line({ stream: text });
    await call.runtime.images.buildFiles({ ...options, onOutput }, async (files) => {
      for await (const data of files)
        await stream.line({ [EXTENSION]: { files: Buffer.from(data).toString("base64") } });
    });
  });
}

async function plainBuild(call: Call): Promise<typeof SENT> {
  const { query } = call;
  const isQuiet = flag(query, "q");
  return streamProgress(call, async (stream) => {
    const options = await withClassicCache(call, await buildOptions(call, stream));
    const { id } = await call.runtime.images.build({
      ...options,
      onOutput: (text, from) => {
        if (isQuiet || (from === "excerpt" && !call.isExtended)) return;
        void stream.line({ stream: from === "stderr" && !call.isExtended ? inRed(text) : text });
      },
    });
    if (isQuiet) await stream.line({ stream: `${id}\n` });
    else await stream.line({ aux: { ID: id } });
    if (!isQuiet) {
      await stream.line({ stream: `Successfully built ${id.replace("sha256:", "").slice(0, 12)}\n` });
      for (const tag of tagsOf(query)) await stream.line({ stream: `Successfully tagged ${withTag(tag)}\n` });
    }
  });
}

/** Told which images to take its cache from, the classic builder pulls none, and without any of them it uses no cache. */
async function withClassicCache(call: Call, options: BuildOptions): Promise<BuildOptions> {
  const { cacheFrom = [], ...rest } = options;
  if (cacheFrom.length === 0 || call.isExtended) return options;
  const isHere = await Promise.all(
    cacheFrom.map((image) =>
      call.runtime.images.inspect(image).then(
        () => true,
        () => false,
      ),
    ),
  );
  const here = cacheFrom.filter((_, index) => isHere[index]);
  return here.length === 0 ? { ...rest, noCache: true } : { ...rest, cacheFrom: here };
}

/** As the classic builder marks what a command says on its stderr. */
function inRed(text: string): string {
  return `\u001b[91m${text}\u001b[0m`;
}

async function buildOptions(call: Call, stream: ProgressStream): Promise<BuildOptions> {
  const { query } = call;
  const header = call.headers["x-registry-config"];
  const secrets = call.headers[BUILD_SECRETS_HEADER];
  const agents = call.headers[BUILD_SSH_HEADER];
  const tags = tagsOf(query);
  return compact<BuildOptions>({
    ...(await contextOf(call, stream)),
    dockerfile: filled(query, "dockerfile"),
    tags: tags.length === 0 ? undefined : tags,
    target: filled(query, "target"),
    buildArgs: textMap(query, "buildargs"),
    labels: textMap(query, "labels"),
    platform: filled(query, "platform"),
    noCache: flag(query, "nocache"),
    pull: flag(query, "pull"),
    cacheFrom: textList(query, "cachefrom"),
    networkMode: filled(query, "networkmode"),
    extraHosts: textList(query, "extrahosts"),
    shmSizeBytes: integer(query, "shmsize"),
    ulimits: objectList(query, "ulimits")?.map(ulimitFromWire),
    secrets: call.isExtended && typeof secrets === "string" ? secretsFromHeader(secrets) : undefined,
    sshSockets: call.isExtended && typeof agents === "string" ? sshSocketsFromHeader(agents) : undefined,
    credentials: credentialsMapFromHeader(typeof header === "string" ? header : undefined),
    signal: call.signal,
  });
}

/** The body, or what lies at an address. */
async function contextOf(call: Call, stream: ProgressStream): Promise<BuildFiles> {
  const remote = filled(call.query, "remote");
  if (remote === undefined && call.isExtended && call.headers["content-type"] === FOLDER_UPLOAD_TYPE) {
    const upload = await folderUploadFromWire(call.body);
    const { dockerfileText } = upload.head;
    return {
      context: offeredFolder(upload, stream),
      ...(dockerfileText !== undefined && { dockerfileText }),
    };
  }
  if (remote === undefined) return { context: call.body };
  if (!isRemote(remote))
    throw new StatusError(500, "invalid", `remoteURL (${remote}) could not be recognized as URL`);
  return openRemote(remote, { signal: call.signal });
}

/** A folder of our own client's, who is told what is wanted of it in the answer. */
function offeredFolder({ head, rest }: FolderUpload, stream: ProgressStream): FolderSource {
  let isAsked = false;
  const ask = (wanted: readonly number[]): void => {
    isAsked = true;
    void stream.line({ [EXTENSION]: { wanted } });
  };
  return {
    key: head.key,
    list: async () => head.entries,
    fetch: (entries) => {
      const places = new Map(head.entries.map(({ path }, place) => [path, place]));
      ask(entries.flatMap(({ path }) => places.get(path) ?? []));
      return Readable.from(rest, { objectMode: false });
    },
    close: () => {
      if (!isAsked) ask([]);
    },
  };
}

function tagsOf(query: URLSearchParams): readonly string[] {
  return query.getAll("t").filter((tag) => tag !== "");
}

async function prune(call: Call): Promise<Reply> {
  const { all, "unused-for": unusedFor, ...filters } = filtersFromQuery(call.query.get("filters"));
  const keepBytes = integer(call.query, "keep-storage") ?? integer(call.query, "reserved-space");
  const { removed, reclaimedBytes } = await call.runtime.pruneBuildCache(
    compact({
      all: flag(call.query, "all") || all !== undefined,
      keepBytes,
      filters: unusedFor === undefined ? filters : { until: unusedFor, ...filters },
    }),
  );
  return json({ CachesDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: reclaimedBytes });
}
