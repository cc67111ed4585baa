import type { StoreProblem } from "../runtime/engine/index.ts";
import { type ErrorKind, RuntimeError } from "../runtime/index.ts";
import { type Call, param, type Reply, type Route, SENT } from "../server/index.ts";
import { type DaemonStatus, STACK_API, type StackAsk, type StackEvent, type Stacks } from "./stack-api.ts";
import { fromWire, toWire } from "./stack-wire.ts";

export interface StackRoutesOptions {
  readonly stacks: Stacks;
  readonly status: () => Promise<DaemonStatus>;
  readonly checkStore: () => Promise<readonly StoreProblem[]>;
  /** Begins the daemon's end; `containers` stops them first. */
  readonly stop: (options: { readonly containers?: boolean }) => void;
}

const STATUS: Partial<Record<ErrorKind, number>> = {
  "not-found": 404,
  invalid: 400,
  conflict: 409,
  "already-exists": 409,
  forbidden: 403,
  unsupported: 501,
  unavailable: 503,
};

/** The stack API: JSON beside the Docker Engine API, which knows no stacks. */
export function stackRoutes({ stacks, status, checkStore, stop }: StackRoutesOptions): readonly Route[] {
  const stack = `${STACK_API}/stacks/{name}`;
  return [
    answering("GET", `${STACK_API}/daemon`, status),
    answering("GET", `${STACK_API}/store/problems`, checkStore),
    answering("POST", `${STACK_API}/daemon/stop`, async (call) => {
      const body = (await bodyOf(call)) as { readonly containers?: unknown };
      stop({ containers: body.containers === true });
      return {};
    }),
    answering("GET", `${STACK_API}/stacks`, () => stacks.list()),
    answering("GET", stack, (call) => stacks.get(param(call, "name"))),
    answering("POST", `${stack}/plan`, async (call) => stacks.plan(await askOf(call))),
    { method: "POST", path: `${stack}/requests`, handle: (call) => guarded(() => serveAsk(stacks, call)) },
  ];
}

function answering(method: "GET" | "POST", path: string, handle: (call: Call) => Promise<unknown>): Route {
  return { method, path, handle: (call) => guarded(async () => reply(200, (await handle(call)) ?? null)) };
}

async function guarded(work: () => Promise<Reply | typeof SENT>): Promise<Reply | typeof SENT> {
  try {
    return await work();
  } catch (error) {
    const status = error instanceof RuntimeError ? (STATUS[error.kind] ?? 500) : 500;
    return reply(status, { error });
  }
}

function reply(status: number, value: unknown): Reply {
  return { status, body: `${toWire(value)}\n`, headers: { "content-type": "application/json" } };
}

/** Progress as it happens, one JSON object a line; the client's going away cancels what has not begun. */
async function serveAsk(stacks: Stacks, call: Call): Promise<typeof SENT> {
  const ask = await askOf(call);
  const stream = call.openStream({ contentType: "application/x-ndjson" });
  const send = (event: StackEvent) => stream.write(`${toWire(event)}\n`);
  try {
    const report = await stacks.ask(ask, { signal: call.signal, onEvent: (event) => void send(event) });
    await send({ kind: "report", report });
  } catch (error) {
    await send({ kind: "failed", error });
  }
  stream.end();
  return SENT;
}

async function askOf(call: Call): Promise<StackAsk> {
  const body = (await bodyOf(call)) as Partial<StackAsk>;
  const stackName = param(call, "name");
  if (typeof body.request?.do !== "string") throw new RuntimeError("invalid", "The body has no request");
  if (body.stack !== undefined && body.stack.name !== stackName) {
    throw new RuntimeError("invalid", `The stack in the body is "${body.stack.name}", not "${stackName}"`);
  }
  const { stack, imagesAtOnce } = body;
  return {
    stackName,
    request: body.request,
    ...(stack !== undefined && { stack }),
    ...(imagesAtOnce !== undefined && { imagesAtOnce }),
  };
}

async function bodyOf(call: Call): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of call.body) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  if (text.trim() === "") return {};
  try {
    return fromWire(text);
  } catch (error) {
    throw new RuntimeError("invalid", "The request's body is not JSON", { cause: error });
  }
}
