import type { Duplex } from "node:stream";
import type { Session } from "../runtime/index.ts";
import { DetachScanner } from "./detach-keys.ts";
import { OutputBatch } from "./output-batch.ts";

export interface PumpOptions {
  /** Frames round the output; raw with a terminal. */
  readonly isFramed: boolean;
  readonly hasStdin: boolean;
  /** With a terminal only. */
  readonly detachKeys?: readonly number[];
  /** The client's end of file is the process's too; otherwise it ends the connection. */
  readonly closesStdin: boolean;
}

/**
 * Joins a client's connection and a process's streams until the output ends, the client goes, or the detach
 * keys are typed. All output is written before the connection is closed.
 */
export async function pumpSession(socket: Duplex, session: Session, options: PumpOptions): Promise<void> {
  socket.on("error", () => session.close());
  socket.on("close", () => session.close());
  pumpInput(socket, session, options);
  const framing = options.isFramed ? "pieces" : "none";
  const batch = new OutputBatch({ write: (chunk) => writeTo(socket, chunk) }, framing);
  try {
    for await (const { stream, data } of session.output) {
      const drained = batch.add(stream, data);
      if (drained !== undefined) await drained;
    }
    await batch.flush();
  } finally {
    session.close();
    socket.end();
    // A client that keeps its half open must not keep ours: what it still sends is read and dropped.
    socket.resume();
  }
}

function pumpInput(socket: Duplex, session: Session, options: PumpOptions): void {
  if (!options.hasStdin) {
    socket.resume();
    return;
  }
  const scanner = options.detachKeys === undefined ? undefined : new DetachScanner(options.detachKeys);
  let previous = Promise.resolve();
  const afterPrevious = (work: () => Promise<void>): void => {
    // A process that has gone or closed its stdin makes writes fail: its output still counts.
    previous = previous.then(work).catch(() => undefined);
  };
  socket.on("data", (bytes: Buffer) => {
    const { forward, isDetached } = scanner?.push(bytes) ?? { forward: bytes, isDetached: false };
    if (forward.length > 0) {
      socket.pause();
      afterPrevious(() => session.write(forward).finally(() => socket.resume()));
    }
    if (isDetached) afterPrevious(async () => session.close({ isDetached }));
  });
  socket.on("end", () =>
    afterPrevious(options.closesStdin ? () => session.end() : async () => session.close()),
  );
}

function writeTo(socket: Duplex, chunk: string | Uint8Array): Promise<void> {
  if (socket.destroyed || socket.writableEnded) return Promise.resolve();
  if (socket.write(chunk)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.on("drain", done);
    socket.on("close", done);
  });
}
