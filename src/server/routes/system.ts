import { compact } from "../../lib/compact.ts";
import {
  containerSummaryToWire,
  credentialsFromWire,
  eventToWire,
  filtersFromQuery,
  imageSummaryToWire,
  infoToWire,
  versionToWire,
  volumeInfoToWire,
} from "../../runtime/docker-api/index.ts";
import type { DiskUsage, EventOptions } from "../../runtime/index.ts";
import type { Call } from "../call.ts";
import { instant } from "../query.ts";
import { json, type Reply, SENT, withStatus } from "../reply.ts";
import type { Route } from "../router.ts";

export const systemRoutes: readonly Route[] = [
  { method: "GET", path: "/_ping", handle: ping },
  { method: "HEAD", path: "/_ping", handle: ping },
  { method: "GET", path: "/version", handle: version },
  { method: "GET", path: "/info", handle: info },
  { method: "GET", path: "/events", handle: events },
  { method: "GET", path: "/system/df", handle: diskUsage },
  { method: "POST", path: "/auth", handle: login },
];

async function ping(call: Call): Promise<Reply> {
  return {
    status: 200,
    body: call.method === "HEAD" ? "" : "OK",
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-cache, no-store, must-revalidate",
      pragma: "no-cache",
      "builder-version": "2",
      swarm: "inactive",
    },
  };
}

async function version(call: Call): Promise<Reply> {
  return json(versionToWire(await call.runtime.info()));
}

async function info(call: Call): Promise<Reply> {
  return json(infoToWire(await call.runtime.info(), new Date()));
}

async function events(call: Call): Promise<typeof SENT> {
  const { query } = call;
  const options = compact<EventOptions>({
    filters: filtersFromQuery(query.get("filters")),
    sinceNs: instant(query, "since"),
    untilNs: instant(query, "until"),
  });
  const found = call.runtime.events(options, call.signal);
  const stream = call.openStream({ contentType: "application/json" });
  try {
    for await (const event of found) await stream.write(`${eventToWire(event)}\n`);
  } catch (error) {
    if (!call.signal.aborted) throw error;
  }
  return SENT;
}

type UsagePart = "container" | "image" | "volume" | "build-cache";

async function diskUsage(call: Call): Promise<Reply> {
  const asked = call.query.getAll("type");
  const wants = (part: UsagePart): boolean => asked.length === 0 || asked.includes(part);
  const { runtime } = call;
  const [usage, images, containers, volumes] = await Promise.all([
    runtime.diskUsage(),
    wants("image") ? runtime.images.list({ sharedSize: true }) : undefined,
    wants("container") ? runtime.containers.list({ all: true, size: true }) : undefined,
    wants("volume") ? runtime.volumes.list({}, { usage: true }) : undefined,
  ]);
  const options = { now: new Date(), isExtended: call.isExtended };
  return json(
    compact<Record<string, unknown>>({
      LayersSize: wants("image") ? usage.layersBytes : 0,
      Images: images?.map(imageSummaryToWire) ?? null,
      Containers: containers?.map((container) => containerSummaryToWire(container, options)) ?? null,
      Volumes: volumes?.map(volumeInfoToWire) ?? null,
      BuildCache: wants("build-cache") ? usage.buildCache.map(cacheToWire) : null,
    }),
  );
}

function cacheToWire(record: DiskUsage["buildCache"][number]): Readonly<Record<string, unknown>> {
  return compact<Record<string, unknown>>({
    ID: record.id,
    Type: record.type,
    Description: record.description,
    InUse: record.isInUse,
    Shared: false,
    Size: record.sizeBytes,
    CreatedAt: record.createdAt.toISOString(),
    LastUsedAt: record.lastUsedAt?.toISOString() ?? null,
    UsageCount: record.usageCount,
  });
}

async function login(call: Call): Promise<Reply> {
  const credentials = credentialsFromWire(await call.readJson()) ?? {};
  const { status, identityToken } = await withStatus(
    { unauthorized: 500, unavailable: 500 },
    call.runtime.images.login(credentials),
  );
  return json({ IdentityToken: identityToken ?? "", Status: status });
}
