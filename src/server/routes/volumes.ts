import { filtersFromQuery, volumeInfoToWire, volumeSpecFromWire } from "../../runtime/docker-api/index.ts";
import { type Call, param } from "../call.ts";
import { flag } from "../query.ts";
import { empty, json, type Reply } from "../reply.ts";
import type { Route } from "../router.ts";
import { noSwarm } from "./unserved.ts";

export const volumeRoutes: readonly Route[] = [
  { method: "GET", path: "/volumes", handle: list },
  { method: "POST", path: "/volumes/create", handle: create },
  { method: "POST", path: "/volumes/prune", handle: prune },
  { method: "GET", path: "/volumes/{name}", handle: inspect },
  { method: "DELETE", path: "/volumes/{name}", handle: remove },
];

async function list(call: Call): Promise<Reply> {
  const volumes = await call.runtime.volumes.list(filtersFromQuery(call.query.get("filters"), "volumes"));
  return json({ Volumes: volumes.map(volumeInfoToWire), Warnings: null });
}

async function create(call: Call): Promise<Reply> {
  const body = await call.readJson({ isOptional: true });
  if (body.has("ClusterVolumeSpec")) await noSwarm();
  const spec = volumeSpecFromWire(body);
  return json(volumeInfoToWire(await call.runtime.volumes.create(spec)), 201);
}

/** Before API 1.42 every unused volume went, since then the anonymous ones unless `all` is said. */
async function prune(call: Call): Promise<Reply> {
  const filters = filtersFromQuery(call.query.get("filters"), "volumesPrune");
  const { removed, reclaimedBytes } = await call.runtime.volumes.prune(
    call.apiMinor < 42 ? { ...filters, all: ["true"] } : filters,
  );
  return json({ VolumesDeleted: removed, SpaceReclaimed: reclaimedBytes });
}

async function inspect(call: Call): Promise<Reply> {
  return json(volumeInfoToWire(await call.runtime.volumes.inspect(param(call, "name"))));
}

async function remove(call: Call): Promise<Reply> {
  await call.runtime.volumes.remove(param(call, "name"), { force: flag(call.query, "force") });
  return empty(204);
}
