import { PassThrough, type Readable } from "node:stream";
import {
  BUILD_FILES,
  BUILD_SECRETS_HEADER,
  BUILD_SSH_HEADER,
  credentialsMapToHeader,
  EXTENSION,
  progressFromWire,
  secretsToHeader,
  sshSocketsToHeader,
  ulimitToWire,
  WireObject,
} from "../docker-api/index.ts";
import { type BuildOptions, isFolderSource, RuntimeError } from "../index.ts";
import { uploadOf } from "./build-upload.ts";
import type { Connection, Query } from "./connection.ts";
import { linesOf } from "./read-stream.ts";

/** Beside the other headers of a request. */
const SECRETS_LIMIT_BYTES = 40 * 1024;

/** The classic build: a context goes up, JSON lines come down. */
export async function buildImage(
  connection: Connection,
  options: BuildOptions,
): Promise<{ readonly id: string }> {
  let id = "";
  for await (const body of buildLines(connection, options))
    id = new WireObject(progressFromWire(body).aux).text("ID") ?? id;
  if (id === "") throw new RuntimeError("internal", "Cannot build the image: the engine told no id");
  return { id };
}

/** Only our own engine hands files over. */
export async function buildFiles(
  connection: Connection,
  options: BuildOptions,
  take: (files: Readable) => Promise<void>,
): Promise<void> {
  await needOurEngine(connection, "gives out no files, only images");
  const files = new PassThrough();
  files.on("error", () => undefined);
  // Not before there are files: a build that fails has none.
  let taken: Promise<void> | undefined;
  try {
    for await (const body of buildLines(connection, options, { [BUILD_FILES]: true })) {
      const data = body.object(EXTENSION).text("files");
      if (data === undefined) continue;
      taken ??= take(files);
      taken.catch((error: Error) => files.destroy(error));
      if (files.write(Buffer.from(data, "base64"))) continue;
      await Promise.race([taken, new Promise((resolve) => files.once("drain", resolve))]);
    }
  } catch (error) {
    files.destroy(error instanceof Error ? error : new Error(String(error)));
    await taken?.catch(() => undefined);
    throw error;
  }
  files.end();
  await taken;
}

async function* buildLines(
  connection: Connection,
  options: BuildOptions,
  query: Query = {},
): AsyncGenerator<WireObject> {
  const { signal } = options;
  const secrets = await secretsOf(connection, options);
  const agents = await agentsOf(connection, options);
  const upload = uploadOf(options, isFolderSource(options.context) && (await isOurEngine(connection)));
  try {
    const response = await connection.open("POST", "/build", {
      query: { ...queryOf(options), dockerfile: upload.dockerfile, ...query },
      body: upload.body,
      headers: {
        "content-type": upload.type,
        "x-registry-config": credentialsMapToHeader(credentialsOf(options)),
        ...secrets,
        ...agents,
      },
      signal,
    });
    for await (const line of linesOf(response, signal)) {
      const body = new WireObject(JSON.parse(line));
      const wanted = body.object(EXTENSION).numbers("wanted");
      if (wanted !== undefined) upload.send(wanted);
      const { status } = progressFromWire(body);
      if (status !== "") options.onOutput?.(status, "stdout");
      yield body;
    }
  } catch (error) {
    throw upload.failure() ?? error;
  } finally {
    upload.close();
  }
  if (signal?.aborted === true) throw new RuntimeError("cancelled", "The build was cancelled");
}

/** The classic build takes no secrets; between our own client and engine they have a header. */
async function secretsOf(
  connection: Connection,
  { secrets, namedContexts }: BuildOptions,
): Promise<Readonly<Record<string, string>>> {
  if (namedContexts !== undefined)
    throw new RuntimeError(
      "unsupported",
      "Cannot build on this engine: its build takes no additional contexts",
    );
  if (typeof secrets === "function")
    throw new RuntimeError("unsupported", "Cannot build on this engine: it cannot ask for secrets");
  if (secrets === undefined || Object.keys(secrets).length === 0) return {};
  await needOurEngine(connection, "takes no secrets");
  const header = secretsToHeader(secrets);
  if (header.length > SECRETS_LIMIT_BYTES)
    throw new RuntimeError("invalid", "Cannot send the secrets of the build: together they are over 20 KiB");
  return { [BUILD_SECRETS_HEADER]: header };
}

/** As with secrets. */
async function agentsOf(
  connection: Connection,
  { sshSockets }: BuildOptions,
): Promise<Readonly<Record<string, string>>> {
  if (sshSockets === undefined || Object.keys(sshSockets).length === 0) return {};
  await needOurEngine(connection, "forwards no SSH agent");
  return { [BUILD_SSH_HEADER]: sshSocketsToHeader(sshSockets) };
}

async function needOurEngine(connection: Connection, lack: string): Promise<void> {
  if (await isOurEngine(connection)) return;
  throw new RuntimeError(
    "unsupported",
    `Cannot build on this engine: its classic build ${lack}; use docker build, or Stowage's own engine`,
  );
}

async function isOurEngine(connection: Connection): Promise<boolean> {
  const response = await connection.open("GET", "/_ping");
  response.resume();
  return /^Stowage\b/.test(String(response.headers.server));
}

/** The classic build takes them all beforehand. */
function credentialsOf({ credentials }: BuildOptions) {
  if (typeof credentials !== "function") return credentials;
  throw new RuntimeError("unsupported", "Cannot build on this engine: it cannot ask for credentials");
}

function queryOf(options: BuildOptions): Query {
  const inline = options.cacheTo?.includes("type=inline") === true ? { BUILDKIT_INLINE_CACHE: "1" } : {};
  return {
    t: options.tags,
    target: options.target,
    buildargs: JSON.stringify({ ...options.buildArgs, ...inline }),
    labels: options.labels && JSON.stringify(options.labels),
    platform: options.platform,
    nocache: options.noCache,
    pull: options.pull === true ? "1" : undefined,
    cachefrom: options.cacheFrom && JSON.stringify(options.cacheFrom),
    networkmode: options.networkMode,
    extrahosts: options.extraHosts?.join(","),
    shmsize: options.shmSizeBytes,
    ulimits: options.ulimits && JSON.stringify(options.ulimits.map(ulimitToWire)),
    rm: true,
  };
}
