import type { ContainerRuntime } from "../../runtime/index.ts";
import type { Call } from "../call.ts";
import { invalid, SENT, StatusError } from "../reply.ts";
import type { Route } from "../router.ts";
import { Builder } from "./builder.ts";
import { serveGrpc } from "./grpc-server.ts";
import { buildkitMethods } from "./methods.ts";

/**
 * BuildKit over the Docker socket: `/grpc` carries its interface, on `/session` the roles are turned round and
 * we ask the client for files, secrets and credentials.
 */
export function buildkitRoutes(runtime: ContainerRuntime): readonly Route[] {
  const builder = new Builder(runtime);
  const methods = buildkitMethods(builder);
  return [
    {
      method: "POST",
      path: "/grpc",
      takesOver: true,
      async handle(call) {
        if (!call.wantsUpgrade) throw new StatusError(500, "invalid", "no upgrade proto in request");
        await serveGrpc(call.takeOver("", { protocol: "h2c" }), methods);
        return SENT;
      },
    },
    {
      method: "POST",
      path: "/session",
      takesOver: true,
      async handle(call) {
        if (!call.wantsUpgrade) throw invalid("no upgrade proto in request");
        const id = header(call, "x-docker-expose-session-uuid");
        if (id === "") throw invalid("the session has no id");
        const sharedKey = header(call, "x-docker-expose-session-sharedkey");
        await builder.sessions.add(
          id,
          { methods: methodsOf(call), sharedKey },
          call.takeOver("", { protocol: "h2c" }),
        );
        return SENT;
      },
    },
  ];
}

function header(call: Call, name: string): string {
  const value = call.headers[name];
  return typeof value === "string" ? value : (value?.[0] ?? "");
}

/** The header comes once for each method; Node joins them with commas. */
function methodsOf(call: Call): readonly string[] {
  return header(call, "x-docker-expose-session-grpc-method")
    .split(",")
    .map((method) => method.trim());
}
