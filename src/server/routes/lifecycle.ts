import { compact } from "../../lib/compact.ts";
import { hasKind, RuntimeError, type WaitCondition } from "../../runtime/index.ts";
import { type Call, param, type ResponseStream } from "../call.ts";
import { filled, integer, terminalSize } from "../query.ts";
import { empty, invalid, messageOf, type Reply, SENT, withStatus } from "../reply.ts";
import type { Route } from "../router.ts";

export const lifecycleRoutes: readonly Route[] = [
  { method: "POST", path: "/containers/{id*}/start", handle: start },
  { method: "POST", path: "/containers/{id*}/stop", handle: stop },
  { method: "POST", path: "/containers/{id*}/restart", handle: restart },
  { method: "POST", path: "/containers/{id*}/kill", handle: kill },
  { method: "POST", path: "/containers/{id*}/pause", handle: pause },
  { method: "POST", path: "/containers/{id*}/unpause", handle: unpause },
  { method: "POST", path: "/containers/{id*}/resize", handle: resize },
  { method: "POST", path: "/containers/{id*}/wait", handle: wait },
];

async function start(call: Call): Promise<Reply> {
  return empty((await call.runtime.containers.start(param(call, "id"))) ? 204 : 304);
}

async function stop(call: Call): Promise<Reply> {
  return empty((await call.runtime.containers.stop(param(call, "id"), stopOptions(call))) ? 204 : 304);
}

async function restart(call: Call): Promise<Reply> {
  await call.runtime.containers.restart(param(call, "id"), stopOptions(call));
  return empty(204);
}

function stopOptions(call: Call): { readonly timeoutSeconds?: number; readonly signal?: string } {
  return compact({ timeoutSeconds: integer(call.query, "t"), signal: filled(call.query, "signal") });
}

async function kill(call: Call): Promise<Reply> {
  const id = param(call, "id");
  try {
    await call.runtime.containers.kill(id, filled(call.query, "signal"));
  } catch (error) {
    if (!hasKind(error, "not-found")) throw error;
    throw new RuntimeError(error.kind, `cannot kill container: ${id}: ${error.message}`);
  }
  return empty(204);
}

async function pause(call: Call): Promise<Reply> {
  await call.runtime.containers.pause(param(call, "id"));
  return empty(204);
}

async function unpause(call: Call): Promise<Reply> {
  await withStatus({ conflict: 500 }, call.runtime.containers.unpause(param(call, "id")));
  return empty(204);
}

async function resize(call: Call): Promise<Reply> {
  await call.runtime.containers.resize(param(call, "id"), terminalSize(call.query));
  return empty(200);
}

const CONDITIONS: readonly WaitCondition[] = ["not-running", "next-exit", "removed"];

/** The head goes out as soon as the wait is in place: `docker run` starts its container only then. */
async function wait(call: Call): Promise<Reply | typeof SENT> {
  const asked = filled(call.query, "condition") ?? "not-running";
  const condition = CONDITIONS.find((known) => known === asked);
  if (condition === undefined) throw invalid(`invalid condition: ${JSON.stringify(asked)}`);
  let stream: ResponseStream | undefined;
  const open = (): ResponseStream => {
    stream ??= call.openStream({ contentType: "application/json" });
    return stream;
  };
  try {
    const { exitCode, error } = await call.runtime.containers.wait(param(call, "id"), {
      condition,
      signal: call.signal,
      onArmed: open,
    });
    // Of a removal dockerd tells no error but its own: why the container never started is told by the start.
    const isTold = error !== undefined && condition !== "removed";
    const answer = isTold ? { Error: { Message: error } } : {};
    await open().write(`${JSON.stringify({ StatusCode: exitCode, ...answer })}\n`);
  } catch (error) {
    if (stream === undefined) throw error;
    await open().write(`${JSON.stringify({ StatusCode: -1, Error: { Message: messageOf(error) } })}\n`);
  }
  return SENT;
}
