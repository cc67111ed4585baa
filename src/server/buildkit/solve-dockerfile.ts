import type { Readable } from "node:stream";
import { compact } from "../../lib/compact.ts";
import { withoutPassword } from "../../lib/git-checkout.ts";
import { readUlimit } from "../../lib/ulimit.ts";
import {
  type BuildOptions,
  type BuildStep,
  type ContainerRuntime,
  type FolderSource,
  type RegistryCredentials,
  RuntimeError,
} from "../../runtime/index.ts";
import { isRemote, openRemote } from "../remote-context.ts";
import { warnOf } from "./build-check.ts";
import { asStep, type BuildRecord, stepUpdate } from "./build-record.ts";
import {
  DOCKERFILE_LIMIT_BYTES,
  type FrontendOptions,
  readDockerfile,
  withPrefix,
} from "./dockerfile-source.ts";
import { syncFiles, syncFolder } from "./file-sync.ts";
import { GRPC, GrpcError } from "./grpc-frames.ts";
import { ProtoWriter } from "./proto.ts";
import type { ClientSession } from "./sessions.ts";
import { inBuildkitWords } from "./solve-error.ts";
import { sshAgentsOf } from "./ssh-forward.ts";
import { isUpload, pullUpload } from "./upload.ts";

const HUB_HOST = "registry-1.docker.io";
const HUB_KEY = "https://index.docker.io/v1/";

/** What a client asks the dockerfile frontend for. */
export interface DockerfileRequest {
  readonly runtime: ContainerRuntime;
  readonly record: BuildRecord;
  readonly session: ClientSession;
  readonly options: FrontendOptions;
  readonly cacheTo: readonly string[];
  readonly signal: AbortSignal;
}

/** The same for our own builder: all that it needs of the client comes through the client's session. */
export async function readBuild(request: DockerfileRequest): Promise<BuildOptions> {
  const { record, session, options, cacheTo, signal } = request;
  refuseUnserved(options);
  const source = await openSource(record, session, options, signal);
  await warnOf(request, source.dockerfileText);
  return compact<BuildOptions>({
    ...toBuildOptions(options),
    context: source.context,
    dockerfile: options["filename"],
    dockerfileText: source.dockerfileText,
    namedContexts: await namedContextsOf(session, options, signal),
    cacheTo: cacheTo.length === 0 ? undefined : cacheTo,
    secrets: secretsOf(session),
    sshAgent: sshAgentsOf(session),
    credentials: credentialsOf(session),
    onStep: (step) => record.publish(stepUpdate(inStepWords(step, record.ref), new Date())),
    signal,
  });
}

function inStepWords(step: BuildStep, ref: string): BuildStep {
  return step.error === undefined ? step : { ...step, error: inBuildkitWords(step.error, ref) };
}

function refuseUnserved(options: FrontendOptions): void {
  const { platform = "" } = options;
  if (platform.includes(","))
    throw new RuntimeError("unsupported", "Cannot build for several platforms at once: name one");
  const input = Object.entries(options).find(
    ([key, value]) => (key === "context" || key.startsWith("context:")) && value.startsWith("input:"),
  );
  if (input !== undefined)
    throw new RuntimeError("unsupported", `Cannot build from "${options[input[1]] ?? input[1]}"`);
}

interface Source {
  readonly context: BuildOptions["context"];
  readonly dockerfileText?: string;
}

async function openSource(
  record: BuildRecord,
  session: ClientSession,
  options: FrontendOptions,
  signal: AbortSignal,
): Promise<Source> {
  const address = options["context"];
  const hasOwnDockerfile = options["dockerfilekey"] !== undefined || address === undefined;
  if (address !== undefined && !isUpload(address) && !isRemote(address))
    throw new RuntimeError("unsupported", `Cannot use "${address}" as a build context`);
  const dir = options["contextkey"] ?? "context";
  // Asked for while the Dockerfile comes in; one that has an ignore file of its own does not need it.
  const ignoreFile = address === undefined ? readIgnoreFile(session, dir) : Promise.resolve("");
  ignoreFile.catch(() => undefined);
  const files = hasOwnDockerfile ? await readDockerfile(record, session, options) : undefined;
  if (address !== undefined) {
    const source = isUpload(address)
      ? { context: pullUpload(session, address) }
      : await asStep(record, `[internal] load remote build context ${withoutPassword(address)}`, () =>
          openRemote(address, { signal, keepsGitDir: keepsGitDir(options) }),
        );
    return compact<Source>({ dockerfileText: files?.text, ...source });
  }
  const ignore = files?.ignore ?? (await asStep(record, "[internal] load .dockerignore", () => ignoreFile));
  const exclude = excludePatterns(ignore);
  return compact<Source>({ context: syncFolder(session, { dir, exclude }), dockerfileText: files?.text });
}

async function readIgnoreFile(session: ClientSession, dir: string): Promise<string> {
  const found = await syncFiles(session, {
    dir,
    followPaths: [".dockerignore"],
    limitBytes: DOCKERFILE_LIMIT_BYTES,
  });
  return found.get(".dockerignore")?.toString("utf8") ?? "";
}

function keepsGitDir(options: FrontendOptions): boolean {
  return /^(?:1|true)$/i.test(options["build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR"] ?? "");
}

/** Lines of an ignore file as the patterns that the client's walk takes. */
export function excludePatterns(text: string): readonly string[] {
  return text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => {
      const isException = line.startsWith("!");
      const path = (isException ? line.slice(1).trim() : line)
        .replaceAll(/\/+/g, "/")
        .replace(/^(?:\.\/)+/, "")
        .replace(/(.)\/$/, "$1");
      const rooted = path.length > 1 ? path.replace(/^\//, "") : path;
      return isException ? `!${rooted}` : rooted;
    });
}

function toBuildOptions(options: FrontendOptions): Omit<BuildOptions, "context"> {
  const buildArgs = withPrefix(options, "build-arg:");
  const labels = withPrefix(options, "label:");
  const mode = options["image-resolve-mode"];
  return compact<Omit<BuildOptions, "context">>({
    target: options["target"] || undefined,
    buildArgs: Object.keys(buildArgs).length === 0 ? undefined : buildArgs,
    labels: Object.keys(labels).length === 0 ? undefined : labels,
    platform: options["platform"] || undefined,
    noCache: options["no-cache"] === "" ? true : undefined,
    noCacheStages: options["no-cache"]?.split(",").filter((name) => name !== ""),
    pull: mode === "pull" ? true : undefined,
    networkMode: options["force-network-mode"] || undefined,
    extraHosts: options["add-hosts"]?.split(",").map((entry) => entry.replace("=", ":")),
    shmSizeBytes: options["shm-size"] === undefined ? undefined : Number(options["shm-size"]),
    ulimits: ulimitsOf(options["ulimit"]),
    cacheFrom: cacheSourcesOf(options),
  });
}

/** `nofile=1024:2048,nproc=5:5`. */
function ulimitsOf(text = ""): BuildOptions["ulimits"] {
  if (text === "") return undefined;
  return text.split(",").map((entry) => {
    const ulimit = readUlimit(entry);
    if (ulimit === undefined) throw new RuntimeError("invalid", `invalid ulimit argument: ${entry}`);
    return ulimit;
  });
}

/** Newer clients write JSON, older ones names. */
function cacheSourcesOf(options: FrontendOptions): readonly string[] | undefined {
  const imports = options["cache-imports"];
  if (imports === undefined) return options["cache-from"]?.split(",");
  const sources: readonly { readonly Type: string; readonly Attrs?: Readonly<Record<string, string>> }[] =
    JSON.parse(imports);
  return sources.map(({ Type, Attrs = {} }) =>
    [`type=${Type}`, ...Object.entries(Attrs).map((pair) => pair.join("="))].join(","),
  );
}

async function namedContextsOf(
  session: ClientSession,
  options: FrontendOptions,
  signal: AbortSignal,
): Promise<BuildOptions["namedContexts"] | undefined> {
  const contexts: Record<string, Readable | FolderSource | string> = {};
  for (const [name, address] of Object.entries(withPrefix(options, "context:"))) {
    if (address.startsWith("docker-image://")) contexts[name] = address.slice("docker-image://".length);
    else if (address.startsWith("local:"))
      contexts[name] = syncFolder(session, { dir: address.slice("local:".length) });
    else if (isRemote(address)) contexts[name] = await remoteFiles(name, address, signal);
    else throw new RuntimeError("unsupported", `Cannot use "${address}" as the build context "${name}"`);
  }
  return Object.keys(contexts).length === 0 ? undefined : contexts;
}

async function remoteFiles(name: string, address: string, signal: AbortSignal): Promise<Readable> {
  const { context, dockerfileText } = await openRemote(address, { signal });
  if (dockerfileText === undefined) return context;
  throw new RuntimeError(
    "invalid",
    `Cannot use "${address}" as the build context "${name}": it is no archive`,
  );
}

const GET_SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret";

/** Asked for when a step wants one; a secret that the client has not may be an optional one. */
function secretsOf(session: ClientSession): BuildOptions["secrets"] {
  if (!session.supports(GET_SECRET)) return undefined;
  return async (id) => {
    const answer = await orNothing(session.client.call(GET_SECRET, new ProtoWriter().text(1, id)));
    return answer?.bytes(1);
  };
}

const CREDENTIALS = "/moby.filesync.v1.Auth/Credentials";

/** Docker Hub goes by its index' address here, and by its registry's with the client. */
function credentialsOf(session: ClientSession): BuildOptions["credentials"] {
  if (!session.supports(CREDENTIALS)) return undefined;
  return async (key) => {
    const host = key === HUB_KEY ? HUB_HOST : key;
    const answer = await orNothing(session.client.call(CREDENTIALS, new ProtoWriter().text(1, host)));
    const [username = "", secret = ""] = [answer?.text(1), answer?.text(2)];
    if (secret === "") return undefined;
    // Without a user the secret is an identity token.
    const credentials: RegistryCredentials =
      username === "" ? { identityToken: secret } : { username, password: secret };
    return { ...credentials, serverAddress: key };
  };
}

async function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof GrpcError && error.code !== GRPC.unavailable) return undefined;
    throw error;
  }
}
