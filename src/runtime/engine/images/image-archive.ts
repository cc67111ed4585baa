import { posix } from "node:path";
import type { Readable } from "node:stream";
import { RuntimeError } from "../../index.ts";
import { type TarEntry, TarReader } from "../rootfs/index.ts";
import type { BlobWriter, ContentStore } from "./content-store.ts";
import type { Digest } from "./digest.ts";
import type { Lease } from "./leases.ts";

const MAX_FILES = 100_000;
const MAX_LINKS = 10;

/**
 * The files of an archive of images, each stored as a blob under its digest: names that the archive gives are only
 * keys of a map here, never paths on disk.
 */
export class ImageArchive {
  readonly #files: ReadonlyMap<string, ArchiveFile>;
  readonly #content: ContentStore;

  private constructor(files: ReadonlyMap<string, ArchiveFile>, content: ContentStore) {
    this.#files = files;
    this.#content = content;
  }

  /** Reads an uncompressed tar to its end. */
  static async read(tar: Readable, content: ContentStore, lease: Lease): Promise<ImageArchive> {
    const files = new Map<string, ArchiveFile>();
    let writer: { readonly name: string; readonly blob: BlobWriter } | undefined;
    const finish = async () => {
      if (writer === undefined) return;
      const { name, blob } = writer;
      lease.hold(blob.digest());
      files.set(name, { kind: "blob", digest: await blob.commit(), size: blob.bytes });
      writer = undefined;
    };
    try {
      for await (const event of tarEvents(tar)) {
        if (event.kind === "data") {
          await writer?.blob.append(event.chunk);
          continue;
        }
        await finish();
        const { entry } = event;
        const name = keyOf(entry.name);
        if (files.size > MAX_FILES)
          throw new RuntimeError("invalid", "Cannot load images: the archive has too many files");
        if (entry.type === "file") writer = { name, blob: await content.write() };
        else if (entry.type === "symlink")
          files.set(name, { kind: "link", target: keyOf(posix.join(posix.dirname(name), entry.linkName)) });
        else if (entry.type === "hardlink") files.set(name, { kind: "link", target: keyOf(entry.linkName) });
      }
      await finish();
    } finally {
      await writer?.blob.discard();
    }
    return new ImageArchive(files, content);
  }

  /** The blob that a file of the archive became, links within the archive followed. */
  find(name: string): { readonly digest: Digest; readonly size: number } | undefined {
    let at = keyOf(name);
    for (let followed = 0; followed <= MAX_LINKS; followed++) {
      const file = this.#files.get(at);
      if (file === undefined || file.kind === "blob") return file;
      at = file.target;
    }
    return undefined;
  }

  /** A document of the archive, or undefined when it has none of that name. `invalid` when it is too long. */
  async text(name: string, maxBytes: number): Promise<string | undefined> {
    const file = this.find(name);
    if (file === undefined) return undefined;
    if (file.size > maxBytes) throw new RuntimeError("invalid", `Cannot load images: ${name} is too long`);
    return (await this.#content.read(file.digest)).toString();
  }
}

type ArchiveFile =
  | { readonly kind: "blob"; readonly digest: Digest; readonly size: number }
  | { readonly kind: "link"; readonly target: string };

function keyOf(name: string): string {
  return posix.join("/", name).slice(1);
}

type TarEvent =
  | { readonly kind: "entry"; readonly entry: TarEntry }
  | { readonly kind: "data"; readonly chunk: Buffer };

/** The entries of a tar and their data, in order, at the reader's pace. */
export async function* tarEvents(tar: Readable): AsyncGenerator<TarEvent> {
  let events: TarEvent[] = [];
  const reader = new TarReader({
    onEntry: (entry) => events.push({ kind: "entry", entry }),
    onData: (chunk) => events.push({ kind: "data", chunk }),
  });
  for await (const chunk of tar) {
    reader.write(chunk);
    yield* events;
    events = [];
  }
  reader.end();
  yield* events;
}
