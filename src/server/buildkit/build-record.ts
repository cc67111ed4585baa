import { createHash } from "node:crypto";
import { AsyncQueue } from "../../lib/async-queue.ts";
import type { BuildStep } from "../../runtime/index.ts";
import type { GrpcError } from "./grpc-frames.ts";
import { ProtoWriter } from "./proto.ts";

/** One build, from the first request that names it until a while after its end. */
export class BuildRecord {
  readonly ref: string;
  /** The image that a solve has made, by the reference which the client was given for it. */
  readonly results = new Map<string, string>();
  /** The Dockerfile has been held against the rules: once is enough. */
  isChecked = false;
  readonly #updates: ProtoWriter[] = [];
  readonly #listeners = new Set<AsyncQueue<void>>();
  #isOver = false;
  #settle: (outcome: BuildOutcome) => void = () => undefined;
  /** What the client's own part of the build came to. */
  readonly outcome: Promise<BuildOutcome>;

  constructor(ref: string) {
    this.ref = ref;
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  settle(outcome: BuildOutcome): void {
    this.#settle(outcome);
  }

  /** No more progress comes. */
  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  /** One `StatusResponse`. */
  publish(update: ProtoWriter): void {
    this.#updates.push(update);
    this.#wake();
  }

  /** All progress from the beginning, to the end of the build. */
  async *progress(signal: AbortSignal): AsyncGenerator<ProtoWriter> {
    const queue = new AsyncQueue<void>();
    const stop = (): void => queue.close();
    this.#listeners.add(queue);
    signal.addEventListener("abort", stop, { once: true });
    try {
      for (let at = 0; ; ) {
        for (let next = this.#updates[at]; next !== undefined; next = this.#updates[at]) {
          at += 1;
          yield next;
        }
        if (this.#isOver || signal.aborted) return;
        for await (const _ of queue) break;
      }
    } finally {
      this.#listeners.delete(queue);
      signal.removeEventListener("abort", stop);
    }
  }

  #wake(): void {
    for (const listener of this.#listeners) listener.push();
  }
}

export type BuildOutcome = { readonly imageId: string | undefined } | { readonly error: GrpcError };

/** The update that tells of one step. */
export function stepUpdate(step: BuildStep, now: Date): ProtoWriter {
  const update = new ProtoWriter().message(
    1,
    new ProtoWriter()
      .text(1, step.digest)
      .texts(2, step.inputs)
      .text(3, step.name)
      .flag(4, step.isCached)
      .time(5, step.startedAt)
      .time(6, step.completedAt)
      .text(7, step.error),
  );
  if (step.log === undefined) return update;
  return update.message(
    3,
    new ProtoWriter()
      .text(1, step.digest)
      .time(2, now)
      .number(3, step.log.stream === "stdout" ? 1 : 2)
      .bytes(4, step.log.data),
  );
}

/** Of a step that `asStep` tells of. */
export function stepDigest({ ref }: BuildRecord, name: string): string {
  return `sha256:${createHash("sha256").update(`${ref} ${name}`).digest("hex")}`;
}

/** Tells of a piece of work of our own as a step: its beginning, its end, what went wrong. */
export async function asStep<T>(record: BuildRecord, name: string, work: () => Promise<T>): Promise<T> {
  const digest = stepDigest(record, name);
  const startedAt = new Date();
  const tell = (more: Partial<BuildStep>): void =>
    record.publish(stepUpdate({ digest, name, inputs: [], startedAt, ...more }, new Date()));
  tell({});
  try {
    const result = await work();
    tell({ completedAt: new Date() });
    return result;
  } catch (error) {
    tell({ completedAt: new Date(), error: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}
