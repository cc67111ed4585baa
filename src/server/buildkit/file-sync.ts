import { Readable } from "node:stream";
import { modeFromGo } from "../../runtime/docker-api/index.ts";
import { type FolderEntry, type FolderSource, RuntimeError } from "../../runtime/index.ts";
import type { GrpcStream, Metadata } from "./grpc-client.ts";
import { GRPC, GrpcError } from "./grpc-frames.ts";
import { type ProtoMessage, ProtoWriter } from "./proto.ts";
import type { ClientSession } from "./sessions.ts";
import { TAR_END, type TarType, tarHeader, tarPadding } from "./tar-header.ts";

const DIFF_COPY = "/moby.filesync.v1.FileSync/DiffCopy";
/** Kinds of packets between the two sides of a file transfer. */
export const PACKET = { stat: 0, request: 1, data: 2, end: 3, error: 4 } as const;
/** So much may be on its way, or waiting for its turn, besides the file that is being written. */
const WINDOW_BYTES = 4 * 1024 * 1024;
const WINDOW_FILES = 64;
const TYPE_BITS = 0o170000;

export interface SyncOptions {
  /** `context`, `dockerfile`, or a named context. */
  readonly dir: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly followPaths?: readonly string[];
}

export interface FileStat {
  /** Its place in the listing, by which its content is asked for. */
  readonly id: number;
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  readonly modifiedAtNs: bigint;
  readonly linkName: string;
  readonly hasData: boolean;
}

/** A folder of the client. */
export function syncFolder(session: ClientSession, options: SyncOptions): FolderSource {
  const transfer = new Transfer(session, options);
  const stats = new Map<string, FileStat>();
  return {
    key: JSON.stringify([session.sharedKey, options.dir]),
    list: async () => {
      for (const stat of await transfer.list()) if (tarTypeOf(stat) !== undefined) stats.set(stat.path, stat);
      const linked = new Set([...stats.values()].filter(isHardLink).map(({ linkName }) => linkName));
      return [...stats.values()].map((stat) => entryOf(stat, linked.has(stat.path)));
    },
    fetch: (entries) => {
      const wanted = entries.flatMap(({ path }) => stats.get(path) ?? []);
      return Readable.from(tarOf(transfer, wanted), { objectMode: false });
    },
    close: () => transfer.close(),
  };
}

function entryOf(stat: FileStat, isLinked: boolean): FolderEntry {
  const { path, mode, size, modifiedAtNs, linkName } = stat;
  const isFolder = (mode & TYPE_BITS) === 0o040000;
  // A time of whole seconds was set by a program: files of equal size may have it in common, and their content not.
  const isTelling = !stat.hasData || modifiedAtNs % 1_000_000_000n !== 0n;
  const fingerprint = `${mode}:${size}:${modifiedAtNs}:${linkName}`;
  // What has several names comes with all of them, each time.
  const isKnown = isTelling && !isLinked && !isHardLink(stat);
  return { path, isFolder, sizeBytes: stat.hasData ? size : 0, ...(isKnown ? { fingerprint } : {}) };
}

function isHardLink({ mode, linkName }: FileStat): boolean {
  return (mode & TYPE_BITS) === 0o100000 && linkName !== "";
}

export async function* tarOf(
  transfer: Pick<Transfer, "fetch">,
  stats: readonly FileStat[],
): AsyncGenerator<Buffer> {
  for await (const { stat, content } of transfer.fetch(stats)) {
    const type = tarTypeOf(stat);
    if (type === undefined) continue;
    const name = type === "directory" ? `${stat.path}/` : stat.path;
    const size = type === "file" ? stat.size : 0;
    yield tarHeader({
      ...stat,
      modifiedAt: new Date(Number(stat.modifiedAtNs / 1_000_000n)),
      name,
      type,
      size,
    });
    let left = size;
    // What was written since the file was listed is left out: a build's own log may lie in its context.
    for await (const part of content) {
      yield part.subarray(0, left);
      left -= Math.min(left, part.length);
    }
    if (left > 0)
      throw new RuntimeError("unavailable", `Cannot read "${stat.path}": it changed while it was read`);
    yield tarPadding(size);
  }
  yield TAR_END;
}

/** Undefined for what has no place in a build context (sockets, devices). */
function tarTypeOf(stat: FileStat): TarType | undefined {
  switch (stat.mode & TYPE_BITS) {
    case 0o040000:
      return "directory";
    case 0o120000:
      return "symlink";
    case 0o100000:
      return stat.hasData ? "file" : "hardlink";
    case 0o010000:
      return "fifo";
    default:
      return undefined;
  }
}

/** Some small files of a client's folder, whole; those it does not have are absent. */
export async function syncFiles(
  session: ClientSession,
  options: SyncOptions & { readonly limitBytes: number },
): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const transfer = new Transfer(session, options);
  try {
    const files = (await transfer.list()).filter(({ hasData }) => hasData);
    for (const { path, size } of files)
      if (size > options.limitBytes)
        throw new RuntimeError("invalid", `Cannot read "${path}": it is over ${options.limitBytes} bytes`);
    for await (const { stat, content } of transfer.fetch(files)) {
      const parts: Buffer[] = [];
      for await (const part of content) parts.push(part);
      found.set(stat.path, Buffer.concat(parts));
    }
  } finally {
    transfer.close();
  }
  return found;
}

interface SyncedFile {
  readonly stat: FileStat;
  /** To be read to its end before the next file. */
  readonly content: AsyncIterable<Buffer>;
}

/** One exchange with the client about a folder: its listing, then contents, then the end. */
class Transfer {
  readonly #session: ClientSession;
  readonly #options: SyncOptions;
  #open: { readonly stream: GrpcStream; readonly packets: AsyncIterator<ProtoMessage> } | undefined;

  constructor(session: ClientSession, options: SyncOptions) {
    this.#session = session;
    this.#options = options;
  }

  async list(): Promise<readonly FileStat[]> {
    if (!this.#session.supports(DIFF_COPY))
      throw new RuntimeError("unsupported", "no local sources enabled: the client shares no files");
    const stream = this.#session.client.open(DIFF_COPY, metadataOf(this.#options));
    const packets = stream.messages[Symbol.asyncIterator]();
    this.#open = { stream, packets };
    return translated(() => readListing(packets));
  }

  async *fetch(stats: readonly FileStat[]): AsyncGenerator<SyncedFile> {
    if (this.#open === undefined) return;
    const { stream, packets } = this.#open;
    const contents = new Contents(
      stream,
      packets,
      stats.filter(({ hasData }) => hasData),
    );
    for (const stat of stats) yield { stat, content: stat.hasData ? contents.of(stat) : noContent() };
  }

  /** The client is told, and nobody waits for its answer. */
  close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    const end = async (): Promise<void> => {
      await open.stream.send(new ProtoWriter().number(1, PACKET.end));
      await readToEnd(open.packets);
    };
    // What goes wrong with it any more is the client's own affair.
    end()
      .catch(() => undefined)
      .finally(() => open.stream.close());
  }
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GrpcError && error.code === GRPC.notFound)
      throw new RuntimeError("not-found", error.message, { cause: error });
    throw error;
  }
}

async function* noContent(): AsyncGenerator<Buffer> {}

function metadataOf({ dir, include, exclude, followPaths }: SyncOptions): Metadata {
  const lists = {
    "dir-name": [dir],
    "include-patterns": include,
    "exclude-patterns": exclude,
    followpaths: followPaths,
  };
  const entries = Object.entries(lists).flatMap(([key, values]): [string, string | readonly string[]][] => {
    if (values === undefined || values.length === 0) return [];
    // Headers are ASCII.
    if (values.every((value) => /^[\x20-\x7e]*$/.test(value))) return [[key, values]];
    return [
      [key, values.map((value) => encodeURIComponent(value))],
      [`${key}-encoded`, "1"],
    ];
  });
  return Object.fromEntries(entries);
}

async function readListing(packets: AsyncIterator<ProtoMessage>): Promise<readonly FileStat[]> {
  const stats: FileStat[] = [];
  for (;;) {
    const packet = await nextPacket(packets);
    if (packet.number(1) !== PACKET.stat) throw new RangeError("the listing of files is interrupted");
    if (!packet.has(2)) return stats;
    stats.push(statOf(packet.message(2), stats.length));
  }
}

function statOf(stat: ProtoMessage, id: number): FileStat {
  const mode = modeFromGo(stat.number(2));
  const linkName = stat.text(7);
  return {
    id,
    mode,
    linkName,
    path: stat.text(1),
    size: stat.number(5),
    modifiedAtNs: stat.big(6),
    // A regular file with a link's name is a second name of another one.
    hasData: (mode & TYPE_BITS) === 0o100000 && linkName === "",
  };
}

async function nextPacket(packets: AsyncIterator<ProtoMessage>): Promise<ProtoMessage> {
  const { value, done } = await packets.next();
  if (done === true) throw new RuntimeError("unavailable", "The client ended before all files were sent");
  if (value.number(1) === PACKET.error)
    throw new RuntimeError("unavailable", `Cannot read the client's files: ${value.text(4)}`);
  return value;
}

async function readToEnd(packets: AsyncIterator<ProtoMessage>): Promise<void> {
  for (;;) {
    const { value, done } = await packets.next();
    if (done === true || value.number(1) === PACKET.end) return;
  }
}

/** The contents of files, asked for ahead of their turn as far as the window allows, and told in order. */
class Contents {
  readonly #stream: GrpcStream;
  readonly #packets: AsyncIterator<ProtoMessage>;
  readonly #wanted: FileStat[];
  /** Arrived ahead of its turn. */
  readonly #early = new Map<number, Buffer[]>();
  readonly #complete = new Set<number>();
  #asked = 0;
  #askedBytes = 0;
  #done = 0;

  constructor(stream: GrpcStream, packets: AsyncIterator<ProtoMessage>, wanted: readonly FileStat[]) {
    this.#stream = stream;
    this.#packets = packets;
    this.#wanted = [...wanted];
  }

  async *of(stat: FileStat): AsyncGenerator<Buffer> {
    await this.#askAhead();
    for (;;) {
      const early = this.#early.get(stat.id) ?? [];
      this.#early.delete(stat.id);
      yield* early;
      if (this.#complete.delete(stat.id)) break;
      await this.#receive();
    }
    this.#askedBytes -= stat.size;
    this.#done += 1;
  }

  async #askAhead(): Promise<void> {
    for (;;) {
      const next = this.#wanted[this.#asked];
      if (next === undefined) return;
      const isTurn = this.#asked === this.#done;
      const fits = this.#askedBytes + next.size <= WINDOW_BYTES && this.#asked - this.#done < WINDOW_FILES;
      if (!isTurn && !fits) return;
      this.#asked += 1;
      this.#askedBytes += next.size;
      await this.#stream.send(new ProtoWriter().number(1, PACKET.request).number(3, next.id));
    }
  }

  async #receive(): Promise<void> {
    const packet = await nextPacket(this.#packets);
    if (packet.number(1) !== PACKET.data) return;
    const id = packet.number(3);
    const data = packet.bytes(4);
    if (data.length === 0) {
      this.#complete.add(id);
      return;
    }
    const parts = this.#early.get(id) ?? [];
    this.#early.set(id, parts);
    parts.push(data);
  }
}
