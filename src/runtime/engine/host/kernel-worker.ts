import { type MessagePort, parentPort } from "node:worker_threads";
import { type KernelCalls, makeKernel } from "./kernel.ts";
import { loadLibc } from "./libc.ts";
import { loadNftLibrary } from "./nftables.ts";
import { trimMemory } from "./trim-memory.ts";
import type { AnswerMessage, CallMessage } from "./worker-protocol.ts";

/** A thread of its own: these calls block, and they change what namespace the thread is in. */
const port = parentPort;
if (port === null) throw new Error("this file is a worker thread of the engine's host");

const answer = (message: AnswerMessage): void => port.postMessage(message);
void serve(port);

async function serve(calls: MessagePort): Promise<void> {
  const libc = await loadLibc();
  if (libc === undefined) return answer({ kind: "ready", isUsable: false });
  trimMemory(libc);
  const kernel = makeKernel(libc, await loadNftLibrary());
  calls.on("message", (message: CallMessage) => answer(perform(kernel, message)));
  answer({ kind: "ready", isUsable: true });
}

function perform(kernel: KernelCalls, { id, call, parameters }: CallMessage): AnswerMessage {
  try {
    const run = kernel[call] as (...values: readonly unknown[]) => unknown;
    return { kind: "done", id, value: run(...parameters) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    return { kind: "failed", id, message: error instanceof Error ? error.message : String(error), code };
  }
}
