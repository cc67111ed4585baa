import { compact } from "../../lib/compact.ts";
import {
  containerInfoToWire,
  containerSpecFromWire,
  containerSummaryToWire,
  filtersFromQuery,
  resourcesFromWire,
  restartPolicyFromWire,
} from "../../runtime/docker-api/index.ts";
import { type ContainerRuntime, hasKind, type ListOptions, RuntimeError } from "../../runtime/index.ts";
import { type Call, param } from "../call.ts";
import { filled, flag, integer } from "../query.ts";
import { empty, invalid, json, type Reply, withStatus } from "../reply.ts";
import type { Route } from "../router.ts";

export const containerRoutes: readonly Route[] = [
  { method: "GET", path: "/containers/json", handle: list },
  { method: "POST", path: "/containers/create", handle: create },
  { method: "POST", path: "/containers/prune", handle: prune },
  { method: "GET", path: "/containers/{id*}/json", handle: inspect },
  { method: "GET", path: "/containers/{id*}/top", handle: top },
  { method: "GET", path: "/containers/{id*}/changes", handle: changes },
  { method: "POST", path: "/containers/{id*}/update", handle: update },
  { method: "POST", path: "/containers/{id*}/rename", handle: rename },
  { method: "DELETE", path: "/containers/{id*}", handle: remove },
  { method: "POST", path: "/commit", handle: commit },
];

async function list(call: Call): Promise<Reply> {
  const limit = integer(call.query, "limit");
  const containers = await call.runtime.containers.list(
    compact<ListOptions>({
      all: flag(call.query, "all"),
      limit: limit !== undefined && limit > 0 ? limit : undefined,
      filters: filtersFromQuery(call.query.get("filters"), "containers"),
      size: flag(call.query, "size"),
    }),
  );
  const options = { now: new Date(), isExtended: call.isExtended };
  return json(containers.map((container) => containerSummaryToWire(container, options)));
}

async function create(call: Call): Promise<Reply> {
  const body = await call.readJson();
  if (body.isEmpty) throw invalid("config cannot be empty in order to create a container");
  const spec = containerSpecFromWire(body, filled(call.query, "platform"));
  if (spec.image === "") throw invalid("no command specified");
  const name = filled(call.query, "name");
  const { id, warnings } = await call.runtime.containers.create(
    spec,
    name === undefined ? {} : { name: name.replace(/^\//, "") },
  );
  return json({ Id: id, Warnings: warnings }, 201);
}

async function prune(call: Call): Promise<Reply> {
  const { removed, reclaimedBytes } = await call.runtime.containers.prune(
    filtersFromQuery(call.query.get("filters"), "containersPrune"),
  );
  return json({ ContainersDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: reclaimedBytes });
}

async function inspect(call: Call): Promise<Reply> {
  const [info, { cgroupVersion, ociRuntime }] = await Promise.all([
    call.runtime.containers.inspect(param(call, "id"), { size: flag(call.query, "size") }),
    engineFacts(call.runtime),
  ]);
  return json(containerInfoToWire(info, { cgroupVersion, ociRuntime, isExtended: call.isExtended }));
}

const factsByRuntime = new WeakMap<ContainerRuntime, Promise<EngineFacts>>();

interface EngineFacts {
  readonly cgroupVersion: "1" | "2";
  readonly ociRuntime: string;
}

/** What never changes while an engine is open. */
function engineFacts(runtime: ContainerRuntime): Promise<EngineFacts> {
  const known = factsByRuntime.get(runtime) ?? runtime.info();
  factsByRuntime.set(runtime, known);
  known.catch(() => factsByRuntime.delete(runtime));
  return known;
}

async function top(call: Call): Promise<Reply> {
  const { titles, processes } = await call.runtime.containers.top(
    param(call, "id"),
    filled(call.query, "ps_args"),
  );
  return json({ Processes: processes, Titles: titles });
}

const CHANGE_KINDS = { modified: 0, added: 1, deleted: 2 } as const;

async function changes(call: Call): Promise<Reply> {
  const found = await call.runtime.containers.changes(param(call, "id"));
  return json(
    found.length === 0 ? null : found.map(({ path, kind }) => ({ Path: path, Kind: CHANGE_KINDS[kind] })),
  );
}

async function update(call: Call): Promise<Reply> {
  const body = await call.readJson();
  const { warnings } = await call.runtime.containers.update(
    param(call, "id"),
    compact({
      resources: resourcesFromWire(body),
      restartPolicy: restartPolicyFromWire(body.object("RestartPolicy")),
    }),
  );
  return json({ Warnings: warnings.length === 0 ? null : warnings });
}

async function rename(call: Call): Promise<Reply> {
  const name = filled(call.query, "name")?.replace(/^\//, "");
  if (name === undefined) throw invalid("Neither old nor new names may be empty");
  try {
    await call.runtime.containers.rename(param(call, "id"), name);
  } catch (error) {
    if (!hasKind(error, "already-exists")) throw error;
    throw new RuntimeError(error.kind, "Error when allocating new name", { cause: error });
  }
  return empty(204);
}

async function remove(call: Call): Promise<Reply> {
  if (flag(call.query, "link")) {
    await withStatus({ conflict: 500 }, call.runtime.containers.removeLink(param(call, "id")));
    return empty(204);
  }
  await call.runtime.containers.remove(param(call, "id"), {
    force: flag(call.query, "force"),
    volumes: flag(call.query, "v"),
  });
  return empty(204);
}

async function commit(call: Call): Promise<Reply> {
  const { query } = call;
  const container = filled(query, "container");
  if (container === undefined) throw invalid('invalid name or ID supplied: ""');
  const repository = filled(query, "repo");
  const body = await call.readJson({ isOptional: true });
  const { imageId } = await withStatus(
    {},
    call.runtime.containers.commit(
      container,
      compact({
        reference: repository && joinTag(repository, filled(query, "tag")),
        author: filled(query, "author"),
        message: filled(query, "comment"),
        changes: [...changesOf(body), ...query.getAll("changes").flatMap((text) => text.split("\n"))].filter(
          (line) => line.trim() !== "",
        ),
        pause: flag(query, "pause", true),
      }),
    ),
  );
  return json({ Id: imageId }, 201);
}

/** A tag, or a digest, on a repository; none when it is in the name already. Docker Hub's own goes without saying. */
export function joinTag(fullRepository: string, tag: string | undefined): string {
  const repository = fullRepository.replace(/^(?:index\.)?docker\.io\/(?:library\/)?(?=.)/, "");
  if (tag === undefined) return repository;
  return tag.includes(":") ? `${repository}@${tag}` : `${repository}:${tag}`;
}

/** The configuration in a commit's body, as the instructions that say the same. */
function changesOf(body: Awaited<ReturnType<Call["readJson"]>>): readonly string[] {
  const lines = (instruction: string, values: readonly string[]): string[] =>
    values.map((value) => `${instruction} ${value}`);
  const one = (instruction: string, key: string): string[] =>
    lines(instruction, [body.text(key)].filter((value) => value !== undefined && value !== "") as string[]);
  const list = (instruction: string, key: string): string[] =>
    lines(instruction, (body.someTexts(key) ?? []).length === 0 ? [] : [JSON.stringify(body.texts(key))]);
  return [
    ...lines(
      "ENV",
      (body.texts("Env") ?? []).filter((pair) => pair.includes("=")).map((pair) => quotePair(pair)),
    ),
    ...lines(
      "LABEL",
      Object.entries(body.record("Labels") ?? {}).map(([key, value]) => quotePair(`${key}=${value}`)),
    ),
    ...lines("EXPOSE", body.object("ExposedPorts").keys()),
    ...lines("VOLUME", body.object("Volumes").keys()),
    ...one("USER", "User"),
    ...one("WORKDIR", "WorkingDir"),
    ...list("ENTRYPOINT", "Entrypoint"),
    ...list("CMD", "Cmd"),
  ];
}

function quotePair(pair: string): string {
  const at = pair.indexOf("=");
  return `${pair.slice(0, at)}=${JSON.stringify(pair.slice(at + 1))}`;
}
