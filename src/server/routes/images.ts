import { compact } from "../../lib/compact.ts";
import {
  credentialsFromHeader,
  filtersFromQuery,
  historyEntryToWire,
  imageInfoToWire,
  imageSummaryToWire,
  removalToWire,
} from "../../runtime/docker-api/index.ts";
import type { ImageInfo } from "../../runtime/index.ts";
import { type Call, param } from "../call.ts";
import { filled, flag, integer } from "../query.ts";
import { empty, json, type Reply } from "../reply.ts";
import type { Route } from "../router.ts";
import { checkPlatform, wantedPlatforms } from "../wanted-platform.ts";
import { joinTag } from "./containers.ts";

export const imageRoutes: readonly Route[] = [
  { method: "GET", path: "/images/json", handle: list },
  { method: "GET", path: "/images/search", handle: search },
  { method: "POST", path: "/images/prune", handle: prune },
  { method: "GET", path: "/images/{name*}/json", handle: inspect },
  { method: "GET", path: "/images/{name*}/history", handle: history },
  { method: "POST", path: "/images/{name*}/tag", handle: tag },
  { method: "DELETE", path: "/images/{name*}", handle: remove },
  { method: "GET", path: "/distribution/{name*}/json", handle: distribution },
];

async function list(call: Call): Promise<Reply> {
  const images = await call.runtime.images.list({
    sharedSize: flag(call.query, "shared-size"),
    all: flag(call.query, "all"),
    filters: filtersFromQuery(call.query.get("filters"), "images"),
  });
  return json(images.map(imageSummaryToWire));
}

async function inspect(call: Call): Promise<Reply> {
  return json(imageInfoToWire(await wantedImage(call), call.apiMinor));
}

async function wantedImage(call: Call, key?: "platforms"): Promise<ImageInfo> {
  const name = param(call, "name");
  const image = await call.runtime.images.inspect(name);
  checkPlatform(name, image, wantedPlatforms(call.query, key));
  return image;
}

async function history(call: Call): Promise<Reply> {
  await wantedImage(call);
  const entries = await call.runtime.images.history(param(call, "name"));
  return json(entries.map(historyEntryToWire));
}

async function tag(call: Call): Promise<Reply> {
  const repository = filled(call.query, "repo");
  // dockerd checks the image and is content.
  if (repository === undefined) {
    await call.runtime.images.inspect(param(call, "name"));
    return empty(200);
  }
  await call.runtime.images.tag(param(call, "name"), joinTag(repository, filled(call.query, "tag")));
  return empty(201);
}

async function remove(call: Call): Promise<Reply> {
  if (call.query.has("platforms")) await wantedImage(call, "platforms");
  const removed = await call.runtime.images.remove(param(call, "name"), {
    force: flag(call.query, "force"),
    noPrune: flag(call.query, "noprune"),
  });
  return json(removed.map(removalToWire));
}

async function prune(call: Call): Promise<Reply> {
  const { removed, reclaimedBytes } = await call.runtime.images.prune(
    filtersFromQuery(call.query.get("filters"), "imagesPrune"),
  );
  return json({
    ImagesDeleted: removed.length === 0 ? null : removed.map(removalToWire),
    SpaceReclaimed: reclaimedBytes,
  });
}

async function search(call: Call): Promise<Reply> {
  const found = await call.runtime.images.search(
    filled(call.query, "term") ?? "",
    compact({
      limit: integer(call.query, "limit"),
      filters: filtersFromQuery(call.query.get("filters"), "search"),
      credentials: credentialsFromHeader(registryAuth(call)),
    }),
  );
  return json(
    found.map((entry) => ({
      star_count: entry.stars,
      is_official: entry.isOfficial,
      name: entry.name,
      is_automated: false,
      description: entry.description,
    })),
  );
}

async function distribution(call: Call): Promise<Reply> {
  const found = await call.runtime.images.resolve(
    param(call, "name"),
    compact({ credentials: credentialsFromHeader(registryAuth(call)), signal: call.signal }),
  );
  return json({
    Descriptor: { mediaType: found.mediaType, digest: found.digest, size: found.sizeBytes },
    Platforms: found.platforms.map(({ architecture, os, variant }) => compact({ architecture, os, variant })),
  });
}

export function registryAuth(call: Call): string | undefined {
  const header = call.headers["x-registry-auth"];
  return typeof header === "string" ? header : undefined;
}
