import { compact } from "../../lib/compact.ts";
import { statsToWire } from "../../runtime/docker-api/index.ts";
import { type AttachOptions, type LogOptions, logDetails, RuntimeError } from "../../runtime/index.ts";
import { type Call, param } from "../call.ts";
import { parseDetachKeys } from "../detach-keys.ts";
import { withDetails } from "../log-details.ts";
import { OutputBatch } from "../output-batch.ts";
import { pumpSession } from "../pump-session.ts";
import { filled, flag, instant } from "../query.ts";
import { invalid, messageOf, SENT } from "../reply.ts";
import type { Route } from "../router.ts";

export const RAW_STREAM = "application/vnd.docker.raw-stream";
const MULTIPLEXED_STREAM = "application/vnd.docker.multiplexed-stream";

export const containerStreamRoutes: readonly Route[] = [
  { method: "GET", path: "/containers/{id*}/logs", handle: logs },
  { method: "GET", path: "/containers/{id*}/stats", handle: stats },
  {
    method: "POST",
    path: "/containers/{id*}/attach",
    handle: attach,
    takesOver: true,
    hasPlainErrors: true,
  },
  { method: "GET", path: "/containers/{id*}/attach/ws", handle: attachWebSocket, takesOver: true },
];

/** The type of framed output has a name of its own since API 1.42. */
export function streamType(call: Call, isTty: boolean): string {
  return isTty || call.apiMinor < 42 ? RAW_STREAM : MULTIPLEXED_STREAM;
}

async function logs(call: Call): Promise<typeof SENT> {
  const { query } = call;
  const [stdout, stderr] = [flag(query, "stdout"), flag(query, "stderr")];
  if (!stdout && !stderr) throw invalid("Bad parameters: you must choose at least one stream");
  const [hasTimes, hasDetails] = [flag(query, "timestamps"), flag(query, "details")];
  const tail = filled(query, "tail");
  const options = compact<LogOptions>({
    follow: flag(query, "follow"),
    stdout,
    stderr,
    sinceNs: instant(query, "since"),
    untilNs: instant(query, "until"),
    tail: tail !== undefined && /^\d+$/.test(tail) ? Number(tail) : undefined,
    // Details come before whole lines, and with times lines come whole.
    timestamps: hasTimes || hasDetails,
    signal: call.signal,
  });
  const info = await call.runtime.containers.inspect(param(call, "id"));
  // Who follows gets the head before any look at the log.
  if (info.spec.log?.driver === "none")
    throw new RuntimeError("unsupported", "configured logging driver does not support reading");
  const isFramed = info.spec.tty !== true;
  const details = hasDetails ? Buffer.from(logDetails(info)) : undefined;
  const found = call.runtime.containers.logs(info.id, options);
  // Who follows waits for lines with the head in hand; else a log that cannot be read has a status to say so.
  const entries = options.follow === true ? found : await begun(found);
  const response = call.openStream({ contentType: streamType(call, !isFramed) });
  // Who follows takes a frame for a line, as docker-py does; who reads all at once gets it in fewer.
  const perLine = options.follow === true && !call.isExtended;
  const batch = new OutputBatch(response, isFramed ? (perLine ? "lines" : "pieces") : "none");
  try {
    for await (const { stream, data, timesNs } of entries) {
      const lines = details === undefined ? data : withDetails(data, details);
      const drained = batch.add(stream, lines, hasTimes ? timesNs : undefined);
      if (drained !== undefined) await drained;
      if (call.signal.aborted) break;
    }
  } catch (error) {
    if (!call.signal.aborted)
      await batch.add("stderr", Buffer.from(`Error grabbing logs: ${messageOf(error)}\n`));
  }
  await batch.flush();
  return SENT;
}

/** With its first entry read; rejects when that cannot be. */
async function begun<T>(entries: AsyncIterable<T>): Promise<AsyncIterable<T>> {
  const iterator = entries[Symbol.asyncIterator]();
  const first = await iterator.next();
  return (async function* () {
    try {
      for (let result = first; result.done !== true; result = await iterator.next()) yield result.value;
    } finally {
      await iterator.return?.();
    }
  })();
}

async function stats(call: Call): Promise<typeof SENT> {
  const container = await call.runtime.containers.inspect(param(call, "id"));
  const isStream = flag(call.query, "stream", true);
  const samples = call.runtime.containers.stats(container.id, {
    stream: isStream,
    oneShot: flag(call.query, "one-shot"),
    signal: call.signal,
  });
  const stream = call.openStream({ contentType: "application/json" });
  try {
    for await (const sample of samples) {
      await stream.write(`${JSON.stringify(statsToWire(sample, container))}\n`);
      if (!isStream) break;
    }
  } catch (error) {
    if (!call.signal.aborted) throw error;
  }
  return SENT;
}

/** Some clients send their options as a body too (docker-modem): it must not become the process's stdin. */
async function dropBody(call: Call): Promise<void> {
  if (Number(call.headers["content-length"] ?? 0) === 0) return;
  for await (const _ of call.body);
}

async function attach(call: Call): Promise<typeof SENT> {
  const { query } = call;
  await dropBody(call);
  const { session, isTty, pump } = await attachedSession(call, (stream) => flag(query, stream));
  const socket = call.takeOver(call.wantsUpgrade ? streamType(call, isTty) : RAW_STREAM);
  await pumpSession(socket, session, { ...pump, isFramed: !isTty });
  return SENT;
}

/** Never framed. Before API 1.42 every stream was meant, before 1.28 messages were text. */
async function attachWebSocket(call: Call): Promise<typeof SENT> {
  const { session, pump } = await attachedSession(call, (stream) =>
    flag(call.query, stream, call.apiMinor < 42),
  );
  try {
    const socket = await call.takeOverWebSocket({ binary: call.apiMinor >= 28 });
    await pumpSession(socket, session, { ...pump, isFramed: false });
  } finally {
    session.close();
  }
  return SENT;
}

async function attachedSession(call: Call, wants: (stream: "stdin" | "stdout" | "stderr") => boolean) {
  const { query } = call;
  const id = param(call, "id");
  const info = await call.runtime.containers.inspect(id);
  const isTty = info.spec.tty === true;
  const hasStdin = wants("stdin") && info.spec.openStdin === true;
  const detachKeys = parseDetachKeys(filled(query, "detachKeys"));
  const session = await call.runtime.containers.attach(
    id,
    compact<AttachOptions>({
      stdin: hasStdin,
      stdout: wants("stdout"),
      stderr: wants("stderr"),
      logs: flag(query, "logs"),
      stream: flag(query, "stream"),
    }),
  );
  const pump = {
    hasStdin: hasStdin && flag(query, "stream"),
    closesStdin: info.spec.stdinOnce === true && !isTty,
    ...(isTty ? { detachKeys } : {}),
  };
  return { session, isTty, pump };
}
