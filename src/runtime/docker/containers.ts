import type { Readable } from "node:stream";
import { compact } from "../../lib/compact.ts";
import {
  containerInfoFromWire,
  containerSpecToWire,
  containerSummaryFromWire,
  filtersToQuery,
  PATH_STAT_HEADER,
  pathStatFromWire,
  resourcesToWire,
  restartPolicyToWire,
  statsFromWire,
  WireObject,
  wireObjects,
} from "../docker-api/index.ts";
import type { ContainerInfo, ContainerStats, Containers, Resources } from "../index.ts";
import { RuntimeError } from "../index.ts";
import { type Connection, textOf } from "./connection.ts";
import { dockerExecs } from "./execs.ts";
import { readLogs } from "./logs.ts";
import { linesOf } from "./read-stream.ts";
import { hijackedSession, isFramed, resize } from "./session.ts";

const CHANGE_KINDS = ["modified", "added", "deleted"] as const;

/** One method, one request. */
export function dockerContainers(connection: Connection): Containers {
  const inspect: Containers["inspect"] = async (id, { size = false } = {}) =>
    containerInfoFromWire(await connection.object("GET", `${at(id)}/json`, { query: { size } }));

  return {
    ...dockerExecs(connection),
    ...lifecycle(connection),
    ...files(connection),
    inspect,
    async create(spec, { name } = {}) {
      const answer = await connection.object("POST", "/containers/create", {
        query: { name, platform: spec.platform },
        json: containerSpecToWire(spec),
      });
      return { id: answer.text("Id") ?? "", warnings: answer.texts("Warnings") ?? [] };
    },
    async list({ all, limit, filters, size } = {}) {
      const query = { all, limit, size, filters: filtersToQuery(filters) };
      return wireObjects(await connection.json("GET", "/containers/json", { query })).map(
        containerSummaryFromWire,
      );
    },
    logs: (id, options = {}) => readLogs(connection, id, options, () => isTty(inspect, id)),
    async attach(id, options = {}) {
      const { stdin = false, stdout = true, stderr = true, logs = false, stream = true } = options;
      const hijacked = await connection.hijack(`${at(id)}/attach`, {
        query: { stream, stdin, stdout, stderr, logs },
      });
      return hijackedSession(hijacked, {
        isFramed: isFramed(hijacked) || !(await isTty(inspect, id)),
        resize: (size) => resize(connection, `${at(id)}/resize`, size),
        signal: options.signal,
      });
    },
    async resize(id, size) {
      await resize(connection, `${at(id)}/resize`, size);
    },
    async top(id, args) {
      const answer = await connection.object("GET", `${at(id)}/top`, { query: { ps_args: args } });
      const processes = answer.raw("Processes");
      return {
        titles: answer.texts("Titles") ?? [],
        processes: Array.isArray(processes) ? processes : [],
      };
    },
    stats: (id, options = {}) => readStats(connection, id, options),
    async changes(id) {
      const found = wireObjects(await connection.json("GET", `${at(id)}/changes`));
      return found.map((change) => ({
        path: change.text("Path") ?? "",
        kind: CHANGE_KINDS[change.number("Kind") ?? 0] ?? "modified",
      }));
    },
    async update(id, { resources, restartPolicy }) {
      const answer = await connection.object("POST", `${at(id)}/update`, {
        json: {
          ...saidOnly(resources),
          ...(restartPolicy && { RestartPolicy: restartPolicyToWire(restartPolicy) }),
        },
      });
      return { warnings: answer.texts("Warnings") ?? [] };
    },
    async commit(id, options = {}) {
      const { reference, author, message, changes, pause = true } = options;
      const [repo, tag] = splitReference(reference);
      const query = { container: id, repo, tag, author, comment: message, changes, pause };
      const answer = await connection.object("POST", "/commit", { query });
      return { imageId: answer.text("Id") ?? "" };
    },
    async prune(filters) {
      const query = { filters: filtersToQuery(filters) };
      const answer = await connection.object("POST", "/containers/prune", { query });
      return {
        removed: answer.texts("ContainersDeleted") ?? [],
        reclaimedBytes: answer.number("SpaceReclaimed") ?? 0,
      };
    },
  };
}

/** The path of a container; whatever the name holds stays one segment. */
export function at(id: string): string {
  if (id === "") throw new RuntimeError("invalid", 'invalid name or ID supplied: ""');
  return `/containers/${encodeURIComponent(id)}`;
}

/** Only asked where the content type leaves it open: before API 1.42, framed output had no type of its own. */
async function isTty(inspect: (id: string) => Promise<ContainerInfo>, id: string): Promise<boolean> {
  return (await inspect(id)).spec.tty === true;
}

function lifecycle(
  connection: Connection,
): Pick<
  Containers,
  "start" | "stop" | "kill" | "restart" | "pause" | "unpause" | "rename" | "remove" | "removeLink" | "wait"
> {
  const post = (id: string, verb: string, query = {}): Promise<number> =>
    connection.status("POST", `${at(id)}/${verb}`, { query, accepts: [304] });
  return {
    start: async (id) => (await post(id, "start")) !== 304,
    stop: async (id, { timeoutSeconds, signal } = {}) =>
      (await post(id, "stop", { t: timeoutSeconds, signal })) !== 304,
    async kill(id, signal) {
      await post(id, "kill", { signal });
    },
    async restart(id, { timeoutSeconds, signal } = {}) {
      await post(id, "restart", { t: timeoutSeconds, signal });
    },
    async pause(id) {
      await post(id, "pause");
    },
    async unpause(id) {
      await post(id, "unpause");
    },
    async rename(id, name) {
      await post(id, "rename", { name });
    },
    async remove(id, { force = false, volumes = false } = {}) {
      await connection.status("DELETE", at(id), { query: { force, v: volumes } });
    },
    async removeLink(linkName) {
      await connection.status("DELETE", at(linkName), { query: { link: true } });
    },
    async wait(id, { condition = "not-running", signal, onArmed } = {}) {
      const response = await connection.open("POST", `${at(id)}/wait`, { query: { condition }, signal });
      onArmed?.();
      return waitResult(await cancellable(textOf(response), signal));
    },
  };
}

function waitResult(text: string): { readonly exitCode: number; readonly error?: string } {
  if (text.trim() === "")
    throw new RuntimeError("unavailable", "Cannot wait on: the connection to the engine was cut");
  const answer = new WireObject(JSON.parse(text));
  const exitCode = answer.number("StatusCode") ?? -1;
  const error = answer.object("Error").filled("Message");
  if (exitCode === -1) throw new RuntimeError("internal", error ?? "The engine could not wait");
  return compact({ exitCode, error });
}

async function cancellable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const isCancelled = signal?.aborted === true;
    throw new RuntimeError(
      isCancelled ? "cancelled" : "unavailable",
      isCancelled ? "The call was cancelled" : "Cannot wait on: the connection to the engine was cut",
      { cause: error },
    );
  }
}

function files(
  connection: Connection,
): Pick<Containers, "export" | "statPath" | "readArchive" | "writeArchive"> {
  const archive = (id: string): string => `${at(id)}/archive`;
  return {
    export: (id): Promise<Readable> => connection.open("GET", `${at(id)}/export`),
    async statPath(id, path) {
      // A HEAD's error has no body: the words are ours.
      const response = await connection.open("HEAD", archive(id), { query: { path }, accepts: [404] });
      response.resume();
      if (response.statusCode !== 404) return pathStatFromWire(headerOf(response.headers[PATH_STAT_HEADER]));
      throw await missingPath(connection, id, path);
    },
    async readArchive(id, path) {
      const response = await connection.open("GET", archive(id), { query: { path } });
      return { stat: pathStatFromWire(headerOf(response.headers[PATH_STAT_HEADER])), archive: response };
    },
    async writeArchive(id, path, body, options = {}) {
      await connection.status("PUT", archive(id), {
        query: compact({
          path,
          noOverwriteDirNonDir: options.noOverwriteDirNonDir,
          copyUIDGID: options.copyUidGid,
        }),
        body,
        headers: { "content-type": "application/x-tar" },
      });
    },
  };
}

async function missingPath(connection: Connection, id: string, path: string): Promise<RuntimeError> {
  await connection.status("GET", `${at(id)}/json`);
  return new RuntimeError("not-found", `Could not find the file ${path} in container ${id}`);
}

function headerOf(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header : header?.[0];
}

async function* readStats(
  connection: Connection,
  id: string,
  options: NonNullable<Parameters<Containers["stats"]>[1]>,
): AsyncGenerator<ContainerStats> {
  const { stream = true, oneShot = false, signal } = options;
  const response = await connection.open("GET", `${at(id)}/stats`, {
    query: { stream, "one-shot": oneShot },
    signal,
  });
  for await (const line of linesOf(response, signal)) yield statsFromWire(new WireObject(JSON.parse(line)));
}

/** An update changes only what it says: zeros are left out. */
function saidOnly(resources: Resources | undefined): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(resourcesToWire(resources)).filter(
      ([, value]) =>
        value !== 0 &&
        value !== "" &&
        value !== null &&
        value !== false &&
        !(Array.isArray(value) && value.length === 0),
    ),
  );
}

/** `host:5000/name:tag` as repository and tag. */
export function splitReference(reference: string | undefined): readonly [string?, string?] {
  if (reference === undefined) return [];
  const colon = reference.indexOf(":", reference.lastIndexOf("/") + 1);
  return colon < 0 ? [reference] : [reference.slice(0, colon), reference.slice(colon + 1)];
}
