import { compact } from "../../lib/compact.ts";
import { consoleSizeFromWire, execInfoToWire, execSpecFromWire } from "../../runtime/docker-api/index.ts";
import { type Call, param } from "../call.ts";
import { parseDetachKeys } from "../detach-keys.ts";
import { pumpSession } from "../pump-session.ts";
import { terminalSize } from "../query.ts";
import { empty, invalid, json, type Reply, SENT } from "../reply.ts";
import type { Route } from "../router.ts";
import { RAW_STREAM, streamType } from "./container-streams.ts";

export const execRoutes: readonly Route[] = [
  { method: "POST", path: "/containers/{id*}/exec", handle: create },
  { method: "POST", path: "/exec/{id}/start", handle: start, takesOver: true },
  { method: "POST", path: "/exec/{id}/resize", handle: resize },
  { method: "GET", path: "/exec/{id}/json", handle: inspect },
];

async function create(call: Call): Promise<Reply> {
  const spec = execSpecFromWire(await call.readJson());
  if (spec.command.length === 0) throw invalid("No exec command specified");
  if (spec.detachKeys !== undefined) parseDetachKeys(spec.detachKeys);
  return json({ Id: await call.runtime.containers.createExec(param(call, "id"), spec) }, 201);
}

async function start(call: Call): Promise<Reply | typeof SENT> {
  const body = await call.readJson({ isOptional: true });
  const id = param(call, "id");
  const { spec } = await call.runtime.containers.inspectExec(id);
  const isDetached = body.flag("Detach") === true;
  const session = await call.runtime.containers.startExec(
    id,
    compact({ detach: isDetached, tty: spec.tty, consoleSize: consoleSizeFromWire(body) }),
  );
  if (isDetached || session === undefined) return empty(200);
  const isTty = spec.tty === true;
  // As in dockerd: the one who starts it says how its output is to come, the one who made it if it has a terminal.
  const isRaw = body.flag("Tty") === true;
  const socket = call.takeOver(call.wantsUpgrade ? streamType(call, isRaw) : RAW_STREAM);
  await pumpSession(socket, session, {
    isFramed: !isRaw,
    hasStdin: spec.attachStdin === true,
    closesStdin: !isTty,
    ...(isTty ? { detachKeys: parseDetachKeys(spec.detachKeys) } : {}),
  });
  return SENT;
}

async function resize(call: Call): Promise<Reply> {
  await call.runtime.containers.resizeExec(param(call, "id"), terminalSize(call.query));
  return empty(200);
}

async function inspect(call: Call): Promise<Reply> {
  return json(execInfoToWire(await call.runtime.containers.inspectExec(param(call, "id"))));
}
