import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { readFileIfThere, writeFileAtomically } from "../../../lib/atomic-file.ts";
import { Mutex } from "../../../lib/keyed-mutex.ts";
import { type Log, silentLog } from "../../../lib/log.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { ContentStore, Descriptor } from "./content-store.ts";
import { type Digest, hexOf } from "./digest.ts";
import { type ImageConfig, parseImageConfig } from "./image-config.ts";
import { JsonShape } from "./json-shape.ts";

export interface ImageLayer {
  readonly diffId: Digest;
  /** As a registry holds it. */
  readonly blob: Descriptor;
  readonly sizeBytes: number;
}

export interface ImageRecord {
  /** Digest of the configuration. */
  readonly id: Digest;
  /** The image it was built or committed from, if that was made here. */
  readonly parentId?: Digest;
  readonly manifest: Descriptor;
  readonly layers: readonly ImageLayer[];
  /** ISO 8601. */
  readonly lastTaggedAt?: string;
  /** Deleted by force while a container needs its layers: known by its id to that container only. */
  readonly isHeld?: boolean;
}

export interface StoredImage extends ImageRecord {
  readonly config: ImageConfig;
}

/** Which images there are and what they are called. In memory, with every change written through. */
export class ImageStore {
  readonly #dir: string;
  readonly #content: ContentStore;
  readonly #images = new Map<Digest, StoredImage>();
  readonly #unreadable = new Set<Digest>();
  /** Canonical reference to id. */
  #references = new Map<string, Digest>();
  readonly #writing = new Mutex();

  private constructor(dir: string, content: ContentStore) {
    this.#dir = dir;
    this.#content = content;
  }

  static async open(layout: DiskLayout, content: ContentStore, log: Log = silentLog): Promise<ImageStore> {
    const store = new ImageStore(layout.imagesDir, content);
    await mkdir(store.#dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(store.#dir)) {
      if (/^[0-9a-f]{64}\.json$/.test(name)) await store.#load(name, log);
      else if (name.endsWith(".tmp")) await rm(join(store.#dir, name), { force: true });
    }
    await store.#loadReferences(log);
    return store;
  }

  async #load(name: string, log: Log): Promise<void> {
    try {
      const record = parseRecord((await readFileIfThere(join(this.#dir, name))) ?? "");
      const config = parseImageConfig((await this.#content.read(record.id)).toString());
      this.#images.set(record.id, { ...record, config });
    } catch (error) {
      this.#unreadable.add(`sha256:${name.slice(0, 64)}`);
      log.warn("An image cannot be read and is left out", { file: join(this.#dir, name), error });
    }
  }

  async #loadReferences(log: Log): Promise<void> {
    const text = await readFileIfThere(this.#referencesPath);
    if (text === undefined) return;
    try {
      const shape = JsonShape.parse(text, "references");
      for (const reference of shape.keys()) {
        const id = shape.requiredText(reference);
        // One that cannot be read keeps its names.
        if (this.#images.has(id) || this.#unreadable.has(id)) this.#references.set(reference, id);
      }
    } catch (error) {
      log.warn("The names of images cannot be read", { file: this.#referencesPath, error });
    }
  }

  get #referencesPath(): string {
    return join(this.#dir, "references.json");
  }

  get(id: Digest): StoredImage | undefined {
    return this.#images.get(id);
  }

  all(): readonly StoredImage[] {
    return [...this.#images.values()];
  }

  /** Images that are there, but whose record or configuration cannot be read. */
  unreadable(): readonly Digest[] {
    return [...this.#unreadable];
  }

  childrenOf(id: Digest): readonly StoredImage[] {
    return this.all().filter((image) => image.parentId === id && image.isHeld !== true);
  }

  idOf(reference: string): Digest | undefined {
    return this.#references.get(reference);
  }

  /** Canonical, sorted. */
  referencesOf(id: Digest): readonly string[] {
    return [...this.#references]
      .filter(([, target]) => target === id)
      .map(([reference]) => reference)
      .sort();
  }

  references(): readonly string[] {
    return [...this.#references.keys()];
  }

  async put(record: ImageRecord): Promise<StoredImage> {
    const config =
      this.#images.get(record.id)?.config ??
      parseImageConfig((await this.#content.read(record.id)).toString());
    const path = join(this.#dir, `${hexOf(record.id)}.json`);
    await writeFileAtomically(path, `${JSON.stringify(record, undefined, 2)}\n`);
    const image = { ...record, config };
    this.#images.set(record.id, image);
    this.#unreadable.delete(record.id);
    return image;
  }

  /** Its references must be gone already. */
  async delete(id: Digest): Promise<void> {
    await rm(join(this.#dir, `${hexOf(id)}.json`), { force: true });
    this.#images.delete(id);
    this.#unreadable.delete(id);
  }

  /** Sets (an id) or removes (undefined) references, all at once. */
  async changeReferences(changes: Readonly<Record<string, Digest | undefined>>): Promise<void> {
    await this.#writing.run(async () => {
      // As after a build that came to the same image.
      if (Object.entries(changes).every(([reference, id]) => this.#references.get(reference) === id)) return;
      const next = new Map(this.#references);
      for (const [reference, id] of Object.entries(changes)) {
        if (id === undefined) next.delete(reference);
        else next.set(reference, id);
      }
      const sorted = Object.fromEntries([...next].sort(([a], [b]) => (a < b ? -1 : 1)));
      await writeFileAtomically(this.#referencesPath, `${JSON.stringify(sorted, undefined, 2)}\n`);
      this.#references = next;
    });
  }
}

function parseRecord(text: string): ImageRecord {
  const shape = JsonShape.parse(text, "image record");
  const parentId = shape.text("parentId");
  const lastTaggedAt = shape.text("lastTaggedAt");
  return {
    id: shape.requiredText("id"),
    ...(parentId === undefined ? {} : { parentId }),
    manifest: descriptorOf(shape.object("manifest")),
    layers: shape.objects("layers").map((layer) => ({
      diffId: layer.requiredText("diffId"),
      blob: descriptorOf(layer.object("blob")),
      sizeBytes: layer.number("sizeBytes") ?? 0,
    })),
    ...(lastTaggedAt === undefined ? {} : { lastTaggedAt }),
    ...(shape.flag("isHeld") ? { isHeld: true } : {}),
  };
}

function descriptorOf(shape: JsonShape): Descriptor {
  return {
    mediaType: shape.text("mediaType") ?? "",
    digest: shape.requiredText("digest"),
    size: shape.number("size") ?? 0,
  };
}
