import { compact } from "../../lib/compact.ts";
import {
  endpointSpecToWire,
  eventFromWire,
  filtersToQuery,
  infoFromWire,
  instantToQuery,
  networkInfoFromWire,
  networkSpecToWire,
  timeFromWire,
  volumeInfoFromWire,
  volumeSpecToWire,
  WireObject,
  wireObjects,
} from "../docker-api/index.ts";
import {
  type DiskUsage,
  type EventOptions,
  type Networks,
  RuntimeError,
  type RuntimeEvent,
  type Volumes,
} from "../index.ts";
import { Connection, textOf } from "./connection.ts";
import { dockerContainers } from "./containers.ts";
import { type DockerRuntime, documentsOver } from "./documents.ts";
import { type FindEngineOptions, findEngine } from "./find-engine.ts";
import { dockerImages } from "./images.ts";
import { linesOf } from "./read-stream.ts";

/** The port over a Docker-compatible socket. Nothing is connected before the first call. */
export function openDockerRuntime(options: FindEngineOptions = {}): DockerRuntime {
  const connection = new Connection(findEngine(options));
  return {
    containers: dockerContainers(connection),
    images: dockerImages(connection),
    networks: dockerNetworks(connection),
    volumes: dockerVolumes(connection),
    documents: documentsOver(connection),
    async info() {
      const response = await connection.open("GET", "/info");
      const name = /^Stowage\b/.test(String(response.headers.server)) ? "stowage" : "docker";
      return infoFromWire(new WireObject(JSON.parse(await textOf(response))), name);
    },
    async diskUsage() {
      const query = { type: ["image", "build-cache"] };
      return usageFromWire(await connection.object("GET", "/system/df", { query }));
    },
    async pruneBuildCache({ all, keepBytes, filters } = {}) {
      const query = { all, "keep-storage": keepBytes, filters: filtersToQuery(filters) };
      const answer = await connection.object("POST", "/build/prune", { query });
      return {
        removed: answer.texts("CachesDeleted") ?? [],
        reclaimedBytes: answer.number("SpaceReclaimed") ?? 0,
      };
    },
    events: (eventOptions = {}, signal) => readEvents(connection, eventOptions, signal),
    async close() {
      connection.close();
    },
  };
}

function usageFromWire(answer: WireObject): DiskUsage {
  return {
    layersBytes: answer.number("LayersSize") ?? 0,
    buildCache: answer.objects("BuildCache").map((record) =>
      compact<DiskUsage["buildCache"][number]>({
        id: record.text("ID") ?? "",
        type: record.text("Type") ?? "regular",
        description: record.text("Description") ?? "",
        sizeBytes: record.number("Size") ?? 0,
        isInUse: record.flag("InUse") ?? false,
        createdAt: timeFromWire(record.text("CreatedAt")) ?? new Date(0),
        lastUsedAt: timeFromWire(record.text("LastUsedAt")),
        usageCount: record.number("UsageCount") ?? 0,
      }),
    ),
  };
}

/**
 * The request is on its way when the call returns, and asks for what has happened since the call: nothing
 * is missed while it travels. Over the network the engine's clock is not ours, and the moment is left out.
 */
function readEvents(
  connection: Connection,
  options: EventOptions,
  signal: AbortSignal | undefined,
): AsyncIterable<RuntimeEvent> {
  const isLocal = connection.address.host.startsWith("unix:");
  const sinceNs = options.sinceNs ?? (isLocal ? nowNs() : undefined);
  const response = connection.open("GET", "/events", {
    query: {
      filters: filtersToQuery(options.filters),
      since: sinceNs === undefined ? undefined : instantToQuery(sinceNs),
      until: options.untilNs === undefined ? undefined : instantToQuery(options.untilNs),
    },
    signal,
  });
  // Told to whoever iterates.
  response.catch(() => undefined);
  return { [Symbol.asyncIterator]: () => iterate() };

  async function* iterate(): AsyncGenerator<RuntimeEvent> {
    try {
      for await (const line of linesOf(await response, signal)) {
        const event = eventFromWire(line);
        if (event !== undefined) yield event;
      }
    } catch (error) {
      if (signal?.aborted !== true) throw error;
    }
  }
}

/** By the clock that the engine goes by, too; never later than now. */
function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

function dockerNetworks(connection: Connection): Networks {
  const at = (nameOrId: string): string => `/networks/${encodeURIComponent(nameOrId)}`;
  return {
    async create(spec) {
      const answer = await connection.object("POST", "/networks/create", { json: networkSpecToWire(spec) });
      return compact<{ id: string; warning?: string }>({
        id: answer.text("Id") ?? "",
        warning: answer.filled("Warning"),
      });
    },
    async inspect(nameOrId) {
      return networkInfoFromWire(await connection.object("GET", at(nameOrId)));
    },
    async list(filters) {
      const query = { filters: filtersToQuery(filters) };
      return wireObjects(await connection.json("GET", "/networks", { query })).map(networkInfoFromWire);
    },
    async remove(nameOrId) {
      await connection.status("DELETE", at(nameOrId));
    },
    async connect(nameOrId, container, endpoint = {}) {
      const json = { Container: container, EndpointConfig: endpointSpecToWire(endpoint) };
      await connection.status("POST", `${at(nameOrId)}/connect`, { json });
    },
    async disconnect(nameOrId, container, { force = false } = {}) {
      const json = { Container: container, Force: force };
      await connection.status("POST", `${at(nameOrId)}/disconnect`, { json });
    },
    async prune(filters) {
      const query = { filters: filtersToQuery(filters) };
      const answer = await connection.object("POST", "/networks/prune", { query });
      return { removed: answer.texts("NetworksDeleted") ?? [] };
    },
  };
}

function dockerVolumes(connection: Connection): Volumes {
  const at = (name: string): string => `/volumes/${encodeURIComponent(name)}`;
  return {
    async create(spec) {
      return createVolume(connection, spec);
    },
    async inspect(name) {
      return volumeInfoFromWire(await connection.object("GET", at(name)));
    },
    async list(filters, { usage = false } = {}) {
      if (usage) {
        const answer = await connection.object("GET", "/system/df", { query: { type: "volume" } });
        return answer.objects("Volumes").map(volumeInfoFromWire);
      }
      const query = { filters: filtersToQuery(filters) };
      const answer = await connection.object("GET", "/volumes", { query });
      return answer.objects("Volumes").map(volumeInfoFromWire);
    },
    async remove(name, { force = false } = {}) {
      await connection.status("DELETE", at(name), { query: { force } });
    },
    async prune(filters) {
      const query = { filters: filtersToQuery(filters) };
      const answer = await connection.object("POST", "/volumes/prune", { query });
      return {
        removed: answer.texts("VolumesDeleted") ?? [],
        reclaimedBytes: answer.number("SpaceReclaimed") ?? 0,
      };
    },
  };
}

/** dockerd answers an existing volume whatever its options are; the port says `conflict` where they differ. */
async function createVolume(
  connection: Connection,
  spec: Parameters<Volumes["create"]>[0],
): ReturnType<Volumes["create"]> {
  const info = volumeInfoFromWire(
    await connection.object("POST", "/volumes/create", { json: volumeSpecToWire(spec) }),
  );
  const wanted = Object.entries(spec.options ?? {});
  const isSame =
    info.driver === (spec.driver ?? info.driver) &&
    wanted.length === Object.keys(info.options).length &&
    wanted.every(([key, value]) => info.options[key] === value);
  if (isSame) return info;
  throw new RuntimeError(
    "conflict",
    `Cannot create volume "${info.name}": it exists with another driver or other options`,
  );
}
