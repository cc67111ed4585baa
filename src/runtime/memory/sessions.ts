import { AsyncQueue } from "../../lib/async-queue.ts";
import type { AttachOptions, LogEntry, LogOptions, OutputChunk, Session } from "../index.ts";
import { RuntimeError } from "../index.ts";
import type { ContainerRecord, OutputListener, WrittenOutput } from "./world.ts";

export function attachTo(record: ContainerRecord, options: AttachOptions): Session {
  const { stdin = false, stdout = true, stderr = true, logs = false, stream = true, signal } = options;
  const queue = new AsyncQueue<OutputChunk>();
  const isWanted = (name: "stdout" | "stderr") => (name === "stdout" ? stdout : stderr);
  if (logs)
    for (const { stream: name, data } of record.log) if (isWanted(name)) queue.push({ stream: name, data });
  const listener: OutputListener = {
    output: (name, data) => {
      if (isWanted(name)) queue.push({ stream: name, data });
    },
    end: () => {
      if (record.status !== "restarting") close();
    },
  };
  const close = () => {
    record.listeners.delete(listener);
    queue.close();
  };
  if (stream && record.status !== "exited") record.listeners.add(listener);
  else queue.close();
  signal?.addEventListener("abort", close, { once: true });
  return {
    output: queue,
    write: async (data) => {
      if (!stdin || record.spec.openStdin !== true) throw new RuntimeError("conflict", "stdin is not open");
      if (record.process !== undefined) record.process.stdin.push(data);
      else if (record.status === "created") keep(record, data);
      else throw new RuntimeError("conflict", "stdin is not open");
    },
    end: async () => {
      if (!stdin || record.spec.stdinOnce !== true) return;
      if (record.process !== undefined) record.process.stdin.close();
      else if (record.status === "created") keep(record, undefined);
    },
    resize: async () => undefined,
    close,
  };
}

function keep(record: ContainerRecord, data: Uint8Array | undefined): void {
  record.earlyInput = [...(record.earlyInput ?? []), data];
}

export async function* logsOf(record: ContainerRecord, options: LogOptions): AsyncGenerator<LogEntry> {
  const { stdout = true, stderr = true, sinceNs = 0n, untilNs, tail, follow = false, signal } = options;
  const { timestamps = false } = options;
  const isWanted = (entry: WrittenOutput) =>
    (entry.stream === "stdout" ? stdout : stderr) &&
    entry.timeNs >= sinceNs &&
    (untilNs === undefined || entry.timeNs <= untilNs);
  const queue = new AsyncQueue<void>();
  const listener: OutputListener = { output: () => queue.push(), end: () => queue.push() };
  record.listeners.add(listener);
  const stop = () => queue.close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    let at = record.log.length;
    const before = record.log.filter(isWanted);
    for (const entry of tail === undefined ? before : before.slice(Math.max(0, before.length - tail)))
      yield logEntry(entry, timestamps);
    if (!follow) return;
    for (;;) {
      for (; at < record.log.length; at += 1) {
        const entry = record.log[at];
        if (entry !== undefined && isWanted(entry)) yield logEntry(entry, timestamps);
      }
      if (signal?.aborted === true || record.status === "exited" || record.status === "created") return;
      for await (const _ of queue) break;
      if (queue.isClosed) return;
    }
  } finally {
    record.listeners.delete(listener);
    signal?.removeEventListener("abort", stop);
  }
}

function logEntry({ stream, data, timeNs }: WrittenOutput, timestamps: boolean): LogEntry {
  if (!timestamps) return { stream, data };
  const lines = Buffer.from(data).toString("latin1").split("\n");
  const count = lines.at(-1) === "" ? lines.length - 1 : lines.length;
  return { stream, data, timesNs: new Array<bigint>(count).fill(timeNs) };
}
