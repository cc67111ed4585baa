import { Readable } from "node:stream";
import type { Filters, ImageDefaults, ImageInfo, ImageSummary, Images } from "../index.ts";
import { RuntimeError, tarOfAll } from "../index.ts";
import { FileTree } from "./files.ts";
import { matchesLabels, matchesText, truth } from "./filters.ts";
import { type ContainerRecord, familiar, findImage, type ImageRecord, type World } from "./world.ts";

export interface ImageOptions {
  readonly config?: ImageDefaults;
  /** Path to text. */
  readonly files?: Readonly<Record<string, string>>;
  readonly parentId?: string;
  readonly comment?: string;
}

/** What a simulated registry serves under a reference; undefined: it has no such image. */
export type Registry = (reference: string) => ImageOptions | undefined;

export function addImage(world: World, reference: string | undefined, options: ImageOptions): ImageRecord {
  const nowMs = world.clock.now();
  const files = new FileTree();
  for (const [path, text] of Object.entries(options.files ?? {}))
    files.write(path, { data: Buffer.from(text), mode: 0o644, uid: 0, gid: 0, modifiedAtMs: nowMs });
  const record: ImageRecord = {
    id: `sha256:${world.newId()}`,
    tags: new Set(),
    config: options.config ?? {},
    createdAtMs: nowMs,
    parentId: options.parentId ?? "",
    files,
    comment: options.comment ?? "",
    taggedAtMs: nowMs,
  };
  world.images.set(record.id, record);
  if (reference !== undefined) tag(world, record, reference);
  return record;
}

function tag(world: World, record: ImageRecord, reference: string): void {
  const name = familiar(reference);
  for (const other of world.images.values()) other.tags.delete(name);
  record.tags.add(name);
  record.taggedAtMs = world.clock.now();
}

/** Images that a build of the memory runtime makes: an image without content, new each time. */
export function memoryImages(world: World, registry: Registry): Images {
  const users = (image: ImageRecord): readonly ContainerRecord[] =>
    [...world.containers.values()].filter((record) => record.image === image);
  const event = (action: string, image: ImageRecord, name: string) =>
    world.events.publish("image", action, name === "" ? image.id : name, { name });
  const unsupported = (what: string) => new RuntimeError("unsupported", `The memory runtime cannot ${what}`);
  const drop = (image: ImageRecord) => {
    world.images.delete(image.id);
    event("delete", image, "");
    return { deleted: image.id };
  };
  return {
    list: async (options = {}) =>
      [...world.images.values()]
        .filter((image) => matches(image, options.filters ?? {}))
        .map((image) => summaryOf(image, users(image).length))
        .reverse(),
    inspect: async (reference) => infoOf(findImage(world, reference)),
    history: async (reference) => {
      const image = findImage(world, reference);
      const { id, comment } = image;
      return [
        {
          id,
          createdAt: new Date(image.createdAtMs),
          createdBy: "",
          sizeBytes: 0,
          comment,
          tags: [...image.tags],
        },
      ];
    },
    pull: async (reference, options = {}) => {
      if (options.signal?.aborted) throw new RuntimeError("cancelled", "context canceled");
      const name = familiar(reference);
      const existing = [...world.images.values()].find((image) => image.tags.has(name));
      const served = registry(name);
      if (served === undefined)
        throw new RuntimeError(
          "not-found",
          `pull access denied for ${name.split(":")[0]}, repository does not exist or may require 'docker login'`,
        );
      options.onProgress?.({ id: name, status: `Pulling from ${name}` });
      const image = existing ?? addImage(world, name, served);
      if (existing === undefined) event("pull", image, name);
      options.onProgress?.({
        status: `Status: ${existing === undefined ? "Downloaded newer image" : "Image is up to date"} for ${name}`,
      });
      return { id: image.id, digest: image.id, isNew: existing === undefined };
    },
    push: async (reference) => ({ digest: findImage(world, reference).id }),
    tag: async (source, target) => {
      const image = findImage(world, source);
      tag(world, image, target);
      event("tag", image, familiar(target));
    },
    remove: async (reference, options = {}) => {
      const image = findImage(world, reference);
      const name = familiar(reference);
      if (image.tags.has(name) && image.tags.size > 1) {
        image.tags.delete(name);
        event("untag", image, name);
        return [{ untagged: name }];
      }
      const using = users(image);
      const running = using.find((record) => record.process !== undefined);
      const blocker = options.force === true ? running : using[0];
      if (blocker !== undefined)
        throw new RuntimeError(
          "conflict",
          `conflict: unable to remove repository reference "${reference}" - container ${blocker.id.slice(0, 12)} is using its referenced image ${image.id.slice(7, 19)}`,
        );
      if (!image.tags.has(name) && image.tags.size > 1 && options.force !== true)
        throw new RuntimeError(
          "conflict",
          `conflict: unable to delete ${reference} (must be forced) - image is referenced in multiple repositories`,
        );
      const untagged = [...image.tags].map((one) => ({ untagged: one }));
      return [...untagged, drop(image)];
    },
    import: async (archive, options = {}) => {
      archive.resume();
      return { id: addImage(world, options.reference, { comment: options.message ?? "" }).id };
    },
    load: async () => {
      throw unsupported("load an archive");
    },
    save: async (references) => {
      for (const reference of references) findImage(world, reference);
      return Readable.from([]);
    },
    prune: async (filters = {}) => {
      const isAll = filters["dangling"] !== undefined && !truth(filters["dangling"]);
      const dropped = [...world.images.values()].filter(
        (image) => users(image).length === 0 && (isAll || image.tags.size === 0),
      );
      return { removed: dropped.map(drop), reclaimedBytes: 0 };
    },
    build: async (options) => {
      tarOfAll(options.context).resume();
      options.onOutput?.("Successfully built\n", "stdout");
      const image = addImage(world, undefined, { config: { labels: options.labels ?? {} } });
      for (const name of options.tags ?? []) tag(world, image, name);
      return { id: image.id };
    },
    buildFiles: async (options, take) => {
      tarOfAll(options.context).resume();
      await take(Readable.from([Buffer.alloc(1024)]));
    },
    resolve: async (reference) => {
      if (registry(familiar(reference)) === undefined)
        throw new RuntimeError("not-found", `manifest for ${familiar(reference)} not found`);
      return {
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        digest: "",
        sizeBytes: 0,
        platforms: [],
      };
    },
    search: async () => [],
    login: async () => ({ status: "Login Succeeded" }),
  };
}

function summaryOf(image: ImageRecord, containers: number): ImageSummary {
  return {
    id: image.id,
    repoTags: [...image.tags],
    repoDigests: [],
    parentId: image.parentId,
    createdAt: new Date(image.createdAtMs),
    sizeBytes: 0,
    labels: image.config.labels ?? {},
    containers,
  };
}

function infoOf(image: ImageRecord): ImageInfo {
  return {
    ...summaryOf(image, -1),
    architecture: "amd64",
    os: "linux",
    author: "",
    comment: image.comment,
    config: image.config,
    diffIds: [],
    lastTaggedAt: new Date(image.taggedAtMs),
  };
}

function matches(image: ImageRecord, filters: Filters): boolean {
  return Object.entries(filters).every(([key, values]) => {
    if (key === "reference") return [...image.tags].some((name) => matchesReference(name, values));
    if (key === "label") return matchesLabels(image.config.labels ?? {}, values);
    if (key === "dangling") return (image.tags.size === 0) === truth(values);
    if (key === "before" || key === "since" || key === "until") return true;
    throw new RuntimeError("invalid", `invalid filter '${key}'`);
  });
}

function matchesReference(name: string, patterns: readonly string[]): boolean {
  return patterns.some(
    (pattern) =>
      name === familiar(pattern) ||
      matchesText(name.split(":")[0] ?? "", [`^${pattern.replaceAll("*", "[^/]*")}$`]),
  );
}
