import type { Readable } from "node:stream";
import { PATH_STAT_HEADER, pathStatToWire } from "../../runtime/docker-api/index.ts";
import { type Call, param, type ResponseStream } from "../call.ts";
import { filled, flag } from "../query.ts";
import { empty, invalid, type Reply, SENT } from "../reply.ts";
import type { Route } from "../router.ts";

export const archiveRoutes: readonly Route[] = [
  { method: "HEAD", path: "/containers/{id*}/archive", handle: stat },
  { method: "GET", path: "/containers/{id*}/archive", handle: read },
  { method: "PUT", path: "/containers/{id*}/archive", handle: write },
  { method: "GET", path: "/containers/{id*}/export", handle: exportRootfs },
];

function pathOf(call: Call): string {
  const path = filled(call.query, "path");
  // The missing blank is dockerd's.
  if (path === undefined) throw invalid("bad parameter: pathcannot be empty");
  return path;
}

async function stat(call: Call): Promise<Reply> {
  const found = await call.runtime.containers.statPath(param(call, "id"), pathOf(call));
  return empty(200, { [PATH_STAT_HEADER]: pathStatToWire(found), "content-type": "application/json" });
}

async function read(call: Call): Promise<typeof SENT> {
  const found = await call.runtime.containers.readArchive(param(call, "id"), pathOf(call));
  const stream = call.openStream({
    contentType: "application/x-tar",
    headers: { [PATH_STAT_HEADER]: pathStatToWire(found.stat) },
  });
  await pipe(found.archive, stream, call);
  return SENT;
}

async function write(call: Call): Promise<Reply> {
  await call.runtime.containers.writeArchive(param(call, "id"), pathOf(call), call.body, {
    noOverwriteDirNonDir: flag(call.query, "noOverwriteDirNonDir"),
    copyUidGid: flag(call.query, "copyUIDGID"),
  });
  return empty(200);
}

async function exportRootfs(call: Call): Promise<typeof SENT> {
  const archive = await call.runtime.containers.export(param(call, "id"));
  await pipe(archive, call.openStream({ contentType: "application/octet-stream" }), call);
  return SENT;
}

/** Copies a byte stream to the client; stops reading when the client has gone. */
export async function pipe(source: Readable, stream: ResponseStream, call: Call): Promise<void> {
  const stop = (): void => {
    source.destroy();
  };
  call.signal.addEventListener("abort", stop);
  try {
    for await (const chunk of source) await stream.write(chunk);
  } catch (error) {
    if (!call.signal.aborted) throw error;
  } finally {
    call.signal.removeEventListener("abort", stop);
  }
}
