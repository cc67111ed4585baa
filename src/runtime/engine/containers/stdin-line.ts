import { closeSync, constants, openSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { SeqpacketSocket } from "node-unix-socket";
import { RuntimeError } from "../../index.ts";
import type { Container, StdinLine } from "./container.ts";
import type { ContainersContext } from "./context.ts";
import { monitorFile } from "./monitor-files.ts";

/** conmon takes at most 32 KiB of one packet. */
const PACKET_BYTES = 16 * 1024;
/** Of a unix socket's address. */
const MAX_PATH_BYTES = 107;

/** The container's one line to its stdin, opened when it is first needed. */
export async function stdinOf(ctx: ContainersContext, container: Container): Promise<StdinLine> {
  const { spec } = container.record;
  if (spec.openStdin !== true) throw new RuntimeError("invalid", "The container's stdin is not open");
  if (container.run === undefined)
    throw new RuntimeError("conflict", `Container ${container.id} is not running`);
  container.stdin ??= new AttachLine(
    await connect(monitorFile(ctx, container.id, "attach")),
    spec.stdinOnce === true && spec.tty !== true,
  );
  return container.stdin;
}

/**
 * conmon's attach socket, used for input only. Its output side is read and thrown away: a client that does not
 * read would freeze the container.
 */
class AttachLine implements StdinLine {
  readonly #socket: SeqpacketSocket;
  readonly #endsForGood: boolean;
  #isEnded = false;

  constructor(socket: SeqpacketSocket, endsForGood: boolean) {
    this.#socket = socket;
    this.#endsForGood = endsForGood;
    socket.on("error", () => {
      this.#isEnded = true;
    });
    socket.on("close", () => {
      this.#isEnded = true;
    });
    socket.on("data", () => {});
  }

  async write(data: Uint8Array): Promise<void> {
    for (let start = 0; start < data.length; start += PACKET_BYTES) {
      if (this.#isEnded) throw new RuntimeError("conflict", "The container's stdin is closed");
      await this.#send(Buffer.from(data.subarray(start, start + PACKET_BYTES)));
    }
  }

  #send(packet: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(packet, 0, packet.length, (error?: Error) => {
        if (error) reject(new RuntimeError("conflict", "The container's stdin is closed", { cause: error }));
        else resolve();
      });
    });
  }

  /** End of file for a process that was promised one; else its stdin stays open for the next client. */
  async end(): Promise<void> {
    if (!this.#endsForGood || this.#isEnded) return;
    this.#isEnded = true;
    this.#socket.end();
  }

  close(): void {
    this.#isEnded = true;
    this.#socket.destroy();
  }
}

async function connect(path: string): Promise<SeqpacketSocket> {
  const { SeqpacketSocket: Socket } = await import("node-unix-socket");
  const folder =
    Buffer.byteLength(path) > MAX_PATH_BYTES ? openSync(dirname(path), constants.O_DIRECTORY) : undefined;
  const address = folder === undefined ? path : join(`/proc/self/fd/${folder}`, basename(path));
  try {
    return await new Promise((resolve, reject) => {
      const socket = new Socket();
      socket.once("error", (cause: Error) =>
        reject(new RuntimeError("unavailable", "Cannot reach the container's stdin", { cause })),
      );
      socket.connect(address, () => resolve(socket));
    });
  } finally {
    if (folder !== undefined) closeSync(folder);
  }
}
