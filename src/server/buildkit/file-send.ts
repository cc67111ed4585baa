import type { Readable } from "node:stream";
import tar from "tar-stream";
import { modeToGo } from "../../runtime/docker-api/index.ts";
import { RuntimeError } from "../../runtime/index.ts";
import { PACKET } from "./file-sync.ts";
import type { GrpcStream } from "./grpc-client.ts";
import { ProtoWriter } from "./proto.ts";
import type { ClientSession } from "./sessions.ts";

type Entry = tar.Extract extends AsyncIterable<infer T> ? T : never;

const DIFF_COPY = "/moby.filesync.v1.FileSend/DiffCopy";
const CHUNK_BYTES = 32 * 1024;
/** Files up to this size are held until they are asked for; of longer ones the asking is awaited. */
const HELD_FILE_BYTES = 64 * 1024;
const HELD_BYTES = 4 * 1024 * 1024;

/** A tar to the file that the client has opened for its exporter of that number. */
export async function sendTarball(session: ClientSession, exporter: number, files: Readable): Promise<void> {
  const stream = openStream(session, exporter);
  try {
    for await (const data of files) await stream.send(new ProtoWriter().bytes(1, data));
    stream.end();
    for await (const _ of stream.messages);
  } finally {
    stream.close();
  }
}

/** A tar's entries to the folder that the client has opened for its exporter of that number. */
export async function sendFolder(session: ClientSession, exporter: number, files: Readable): Promise<void> {
  const stream = openStream(session, exporter);
  try {
    await new FolderSender(stream).send(files);
  } finally {
    stream.close();
  }
}

function openStream(session: ClientSession, exporter: number): GrpcStream {
  if (!session.supports(DIFF_COPY))
    throw new RuntimeError("unsupported", "Cannot export the files: the client takes none");
  return session.client.open(DIFF_COPY, { "buildkit-attachable-exporter-id": String(exporter) });
}

/** Tells of files in order; the client asks for contents by their place in that order, whenever it likes. */
class FolderSender {
  readonly #stream: GrpcStream;
  readonly #asked = new Set<number>();
  readonly #held = new Map<number, Buffer>();
  #heldBytes = 0;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;
  #count = 0;

  constructor(stream: GrpcStream) {
    this.#stream = stream;
  }

  async send(files: Readable): Promise<void> {
    const answered = this.#answerRequests();
    answered.catch((error: Error) => {
      this.#failure = error;
      this.#wake();
    });
    const extract = tar.extract();
    files.once("error", (error) => extract.destroy(error));
    files.pipe(extract);
    for await (const entry of extract) await this.#sendEntry(entry);
    await this.#stream.send(new ProtoWriter().number(1, PACKET.stat));
    await answered;
  }

  async #sendEntry(entry: Entry): Promise<void> {
    const stat = statOf(entry.header);
    if (stat === undefined) return void entry.resume();
    const id = this.#count;
    this.#count += 1;
    await this.#stream.send(new ProtoWriter().number(1, PACKET.stat).message(2, stat));
    const { type, size } = entry.header;
    if (type !== "file") entry.resume();
    else if (size > HELD_FILE_BYTES) {
      await this.#until(() => this.#asked.has(id));
      for await (const part of entry) await this.#sendData(id, part as Buffer);
      await this.#sendData(id, Buffer.alloc(0));
    } else {
      const parts: Buffer[] = [];
      for await (const part of entry) parts.push(part as Buffer);
      await this.#hold(id, Buffer.concat(parts));
    }
  }

  async #hold(id: number, content: Buffer): Promise<void> {
    if (this.#asked.has(id)) return this.#sendWhole(id, content);
    this.#held.set(id, content);
    this.#heldBytes += content.length;
    await this.#until(() => this.#heldBytes <= HELD_BYTES);
  }

  async #answerRequests(): Promise<void> {
    for await (const packet of this.#stream.messages) {
      const [type, id] = [packet.number(1), packet.number(3)];
      if (type === PACKET.error)
        throw new RuntimeError("unavailable", `Cannot export the files: ${packet.text(4)}`);
      if (type === PACKET.end) {
        await this.#stream.send(new ProtoWriter().number(1, PACKET.end));
        this.#stream.end();
      }
      if (type !== PACKET.request) continue;
      this.#asked.add(id);
      const content = this.#held.get(id);
      if (content !== undefined) {
        this.#held.delete(id);
        await this.#sendWhole(id, content);
        this.#heldBytes -= content.length;
      }
      this.#wake();
    }
  }

  async #sendWhole(id: number, content: Buffer): Promise<void> {
    for (let at = 0; at < content.length; at += CHUNK_BYTES)
      await this.#sendData(id, content.subarray(at, at + CHUNK_BYTES));
    await this.#sendData(id, Buffer.alloc(0));
  }

  async #sendData(id: number, data: Buffer): Promise<void> {
    await this.#stream.send(new ProtoWriter().number(1, PACKET.data).number(3, id).bytes(4, data));
  }

  async #until(isMet: () => boolean): Promise<void> {
    while (!isMet()) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

const TYPE_BITS: Readonly<Record<string, number>> = {
  file: 0o100000,
  link: 0o100000,
  symlink: 0o120000,
  directory: 0o040000,
  fifo: 0o010000,
  "character-device": 0o020000,
  "block-device": 0o060000,
};

function statOf(header: tar.Header): ProtoWriter | undefined {
  const { name, type, mode, uid, gid, size, mtime, linkname, devmajor, devminor } = header;
  const bits = TYPE_BITS[type];
  if (bits === undefined) return undefined;
  return new ProtoWriter()
    .text(1, name.replace(/\/$/, ""))
    .number(2, modeToGo(bits | (mode & 0o7777)))
    .number(3, uid)
    .number(4, gid)
    .number(5, size)
    .number(6, BigInt(mtime.getTime()) * 1_000_000n)
    .text(7, linkname)
    .number(8, devmajor)
    .number(9, devminor);
}
