import type { ImageSummary, Images } from "../index.ts";
import type { BuildPart } from "./build/index.ts";
import type { EventBus } from "./event-bus.ts";
import { announceImage } from "./image-events.ts";
import { familiarName, familiarText, parseReference, withDefaultTag } from "./images/index.ts";
import type { NetworkPart } from "./parts.ts";

type ImagesPort = Omit<Images, "build" | "buildFiles">;

/** The same images, with an event for what was done. */
export function announcedImages(port: ImagesPort, events: EventBus): ImagesPort {
  return {
    ...port,
    pull: async (reference, options) => {
      const result = await port.pull(reference, options);
      if (options?.allTags) announceRepository(reference);
      else await announceTransfer("pull", reference);
      return result;
    },
    push: async (reference, options) => {
      const result = await port.push(reference, options);
      await announceTransfer("push", reference);
      return result;
    },
    tag: async (source, target) => {
      await port.tag(source, target);
      announceImage(events, "tag", await port.inspect(target), familiar(target));
    },
    remove: async (reference, options) => {
      const known = await port.list({ all: true });
      const done = await port.remove(reference, options);
      announceRemovals(events, done, known);
      return done;
    },
    import: async (archive, options) => {
      const result = await port.import(archive, options);
      const image = { ...(await port.inspect(result.id)), id: result.id };
      if (options?.reference !== undefined) announceImage(events, "tag", image, familiar(options.reference));
      announceImage(events, "import", image);
      return result;
    },
    load: async (archive, options) => {
      const result = await port.load(archive, options);
      for (const name of result.references) announceImage(events, "load", await port.inspect(name));
      return result;
    },
    save: async (references) => {
      const archive = await port.save(references);
      const saved = await Promise.all(references.map(imagesNamed));
      for (const image of new Map(saved.flat().map((one) => [one.id, one])).values())
        announceImage(events, "save", image);
      return archive;
    },
    prune: async (filters) => {
      const known = await port.list({ all: true });
      const result = await port.prune(filters);
      announceRemovals(events, result.removed, known);
      const reclaimed = String(result.reclaimedBytes);
      events.publish({ type: "image", action: "prune", id: "", attributes: { reclaimed } });
      return result;
    },
  };

  /** A name without a tag may be that of a repository without one called `latest`. */
  async function imagesNamed(name: string): Promise<readonly ImageSummary[]> {
    const found = await port.list({ filters: { reference: [name] } });
    return found.length > 0 ? found : [await port.inspect(name)];
  }

  /** All its tags at once. */
  function announceRepository(reference: string): void {
    const name = familiarName(parseReference(reference));
    announceImage(events, "pull", { id: name, labels: {} });
  }

  /** Under the names that the registry knows, not under an id. */
  async function announceTransfer(action: "pull" | "push", reference: string): Promise<void> {
    const parsed = withDefaultTag(parseReference(reference));
    const { labels } = await port.inspect(reference);
    announceImage(events, action, { id: familiarText(parsed), labels }, familiarName(parsed));
  }
}

/** Layers go without a word; what an image was called is known from before. */
function announceRemovals(
  events: EventBus,
  done: Awaited<ReturnType<ImagesPort["remove"]>>,
  known: readonly ImageSummary[],
): void {
  for (const step of done) {
    if ("deleted" in step) {
      const isImage = known.some(({ id }) => id === step.deleted);
      if (isImage) announceImage(events, "delete", { id: step.deleted, labels: {} });
    } else {
      const image = known.find(
        ({ repoTags, repoDigests }) =>
          repoTags.includes(step.untagged) || repoDigests.includes(step.untagged),
      );
      if (image !== undefined) announceImage(events, "untag", image);
    }
  }
}

type Build = BuildPart["build"];

/** Builds, with an event for the image that comes of it and each of its names. */
export function announcedBuild(build: Build, images: Pick<Images, "inspect">, events: EventBus): Build {
  return async (options) => {
    const result = await build(options);
    const image = await images.inspect(result.id);
    for (const tag of options.tags ?? []) announceImage(events, "tag", image, familiar(tag));
    announceImage(events, "create", image);
    return result;
  };
}

export function announcedPrune(prune: BuildPart["prune"], events: EventBus): BuildPart["prune"] {
  return async (options) => {
    const result = await prune(options);
    const reclaimed = String(result.reclaimedBytes);
    events.publish({ type: "builder", action: "prune", id: "", attributes: { reclaimed } });
    return result;
  };
}

function familiar(reference: string): string {
  return familiarText(withDefaultTag(parseReference(reference)));
}

type NetworksPort = NetworkPart["port"];

export function announcedNetworks(port: NetworksPort, events: EventBus): NetworksPort {
  const announce = (action: string, { id, name, driver }: { id: string; name: string; driver: string }) =>
    events.publish({ type: "network", action, id, attributes: { name, type: driver } });
  return {
    create: async (spec) => {
      const made = await port.create(spec);
      announce("create", { id: made.id, name: spec.name, driver: spec.driver ?? "bridge" });
      return made;
    },
    inspect: (nameOrId) => port.inspect(nameOrId),
    list: (filters) => port.list(filters),
    remove: async (nameOrId) => {
      const found = await port.inspect(nameOrId);
      await port.remove(nameOrId);
      announce("destroy", found);
    },
    prune: async (filters) => {
      const known = await port.list();
      const result = await port.prune(filters);
      for (const name of result.removed) {
        const found = known.find((network) => network.name === name || network.id === name);
        if (found !== undefined) announce("destroy", found);
      }
      events.publish({ type: "network", action: "prune", id: "", attributes: { reclaimed: "0" } });
      return result;
    },
  };
}
