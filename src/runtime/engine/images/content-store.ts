import { createHash, randomBytes } from "node:crypto";
import { createReadStream, type ReadStream } from "node:fs";
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { isMissing } from "../../../lib/atomic-file.ts";
import { KeyedMutex } from "../../../lib/keyed-mutex.ts";
import { RuntimeError } from "../../index.ts";
import type { DiskLayout } from "../disk-layout.ts";
import { type Digest, digestOf, hexOf } from "./digest.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/**
 * Blobs by digest, as an OCI image layout. A blob is there whole and verified, or not at all: it is written
 * beside, hashed on the way, synced and renamed.
 */
export class ContentStore {
  readonly #blobsDir: string;
  readonly #temporaryDir: string;
  /** Of digests, so that nobody finds a blob that is about to go, or has a new one deleted for an old one. */
  readonly #locks = new KeyedMutex();
  /** Found to have changed on disk: for who looks they are not here, so that they are fetched anew. */
  readonly #damaged = new Set<Digest>();

  private constructor(blobsDir: string, temporaryDir: string) {
    this.#blobsDir = blobsDir;
    this.#temporaryDir = temporaryDir;
  }

  static async open(layout: DiskLayout): Promise<ContentStore> {
    const blobsDir = join(layout.contentDir, "blobs", "sha256");
    await mkdir(blobsDir, { recursive: true, mode: 0o700 });
    await mkdir(layout.temporaryDir, { recursive: true, mode: 0o700 });
    await writeFile(join(layout.contentDir, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}\n');
    return new ContentStore(blobsDir, layout.temporaryDir);
  }

  pathOf(digest: Digest): string {
    return join(this.#blobsDir, hexOf(digest));
  }

  /** Its size, or undefined when it is not here. */
  async sizeOf(digest: Digest): Promise<number | undefined> {
    return this.#locks.run(digest, async () => {
      try {
        return (await stat(this.pathOf(digest))).size;
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    });
  }

  async has(digest: Digest): Promise<boolean> {
    return !this.#damaged.has(digest) && (await this.sizeOf(digest)) !== undefined;
  }

  /** Whether all are here, with the sizes that are stated of them. */
  async hasAll(blobs: readonly Descriptor[]): Promise<boolean> {
    for (const { digest, size } of blobs)
      if (this.#damaged.has(digest) || (await this.sizeOf(digest)) !== size) return false;
    return true;
  }

  /** Reads it and compares. False for one that is not here, too. */
  async verify(digest: Digest): Promise<boolean> {
    const hash = createHash("sha256");
    const isIntact = await pipeline(this.stream(digest), hash).then(
      () => `sha256:${hash.digest("hex")}` === digest,
      () => false,
    );
    if (isIntact) this.#damaged.delete(digest);
    else this.#damaged.add(digest);
    return isIntact;
  }

  /** Small blobs (manifests, configurations) whole; verified again, since a disk can err. */
  async read(digest: Digest): Promise<Buffer> {
    const data = await readFile(this.pathOf(digest));
    if (digestOf(data) !== digest) {
      this.#damaged.add(digest);
      throw new RuntimeError("internal", `Cannot read blob ${digest}: its content has changed on disk`);
    }
    return data;
  }

  /** `exhausted` when so many bytes more would not go on the disk, a tenth of what is free left to others. */
  async refuseUnlessRoom(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#blobsDir);
    if (bytes > bavail * bsize * 0.9)
      throw new RuntimeError("exhausted", `Cannot store ${bytes} bytes: ${bavail * bsize} are free`);
  }

  stream(digest: Digest): ReadStream {
    return createReadStream(this.pathOf(digest), { highWaterMark: 1 << 18 });
  }

  async put(data: string | Uint8Array, mediaType: string): Promise<Descriptor> {
    const bytes = Buffer.from(data);
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    if (await this.hasAll([descriptor])) return descriptor;
    const writer = await this.write();
    try {
      await writer.append(bytes);
      await writer.commit(descriptor.digest);
    } finally {
      await writer.discard();
    }
    return descriptor;
  }

  /**
   * To fetch a blob of a known digest: goes on where `suspend` left an earlier try, if one of this process did.
   * One at a time for a digest.
   */
  async resume(digest: Digest): Promise<BlobWriter> {
    const path = this.#partialPath(digest);
    const writer = new BlobWriter(path, await open(path, "a+", 0o600), (found) => this.#place(path, found));
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) writer.skip(chunk);
    return writer;
  }

  /** Of what `suspend` left. */
  async partialDigests(): Promise<readonly Digest[]> {
    const names = await readdir(this.#temporaryDir);
    return names
      .flatMap((name) => /^partial-([0-9a-f]{64})$/.exec(name)?.[1] ?? [])
      .map((hex) => `sha256:${hex}`);
  }

  async removePartial(digest: Digest): Promise<void> {
    await rm(this.#partialPath(digest), { force: true });
  }

  #partialPath(digest: Digest): string {
    return join(this.#temporaryDir, `partial-${hexOf(digest)}`);
  }

  /** The caller ends it with `commit` or `discard` (which does nothing after `commit`). */
  async write(): Promise<BlobWriter> {
    const path = join(this.#temporaryDir, `blob-${randomBytes(8).toString("hex")}`);
    return new BlobWriter(path, await open(path, "wx", 0o600), (digest) => this.#place(path, digest));
  }

  #place(path: string, digest: Digest): Promise<void> {
    return this.#locks.run(digest, async () => {
      await rename(path, this.pathOf(digest));
      this.#damaged.delete(digest);
    });
  }

  /** For blobs committed without it: a power cut takes them no more. */
  async makeDurable(digest: Digest): Promise<void> {
    const file = await open(this.pathOf(digest), "r");
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  async remove(digest: Digest): Promise<void> {
    await this.#locks.run(digest, () => rm(this.pathOf(digest), { force: true }));
  }

  async digests(): Promise<readonly Digest[]> {
    return (await readdir(this.#blobsDir)).map((name) => `sha256:${name}`);
  }
}

export class BlobWriter {
  readonly #path: string;
  readonly #place: (digest: Digest) => Promise<void>;
  #file: FileHandle | undefined;
  #hash = createHash("sha256");
  #bytes = 0;

  constructor(path: string, file: FileHandle, place: (digest: Digest) => Promise<void>) {
    this.#path = path;
    this.#file = file;
    this.#place = place;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async append(chunk: Uint8Array): Promise<void> {
    if (this.#file === undefined) throw new RuntimeError("internal", "The blob is already closed");
    this.#hash.update(chunk);
    for (let done = 0; done < chunk.length; ) {
      const { bytesWritten } = await this.#file.write(chunk, done, chunk.length - done, this.#bytes);
      done += bytesWritten;
      this.#bytes += bytesWritten;
    }
  }

  /** Counts what the file holds already. */
  skip(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
  }

  /** Closes it, but keeps the file for `resume`. */
  async suspend(): Promise<void> {
    await this.#close();
  }

  /** Back to an empty file: what was written turned out to be something else. */
  async restart(): Promise<void> {
    await this.#file?.truncate(0);
    this.#hash = createHash("sha256");
    this.#bytes = 0;
  }

  /** Of what was written so far. */
  digest(): Digest {
    return `sha256:${this.#hash.copy().digest("hex")}`;
  }

  /** Makes it visible. `invalid` when the content is not what `expected` says. */
  async commit(expected?: Digest, { isDurable = true } = {}): Promise<Digest> {
    const digest = this.digest();
    if (expected !== undefined && expected !== digest)
      throw new RuntimeError("invalid", `Content has the digest ${digest}, not ${expected} as stated`);
    if (isDurable) await this.#file?.datasync();
    await this.#close();
    await this.#place(digest);
    return digest;
  }

  async discard(): Promise<void> {
    if (this.#file === undefined) return;
    await this.#close();
    await rm(this.#path, { force: true });
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}
