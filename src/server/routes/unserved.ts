import { RuntimeError } from "../../runtime/index.ts";
import { type Call, param } from "../call.ts";
import { json } from "../reply.ts";
import type { Method, Route } from "../router.ts";

const METHODS: readonly Method[] = ["GET", "POST", "DELETE"];
const SWARM_PATHS = ["swarm", "nodes", "services", "tasks", "secrets", "configs"];

export async function noSwarm(): Promise<never> {
  throw new RuntimeError(
    "unavailable",
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  );
}

async function noPlugin(call: Call): Promise<never> {
  throw new RuntimeError("not-found", `plugin ${JSON.stringify(param(call, "name"))} not found`);
}

/** What clients ask for by the way and an engine of one machine, without plugins, has none of. */
export const unservedRoutes: readonly Route[] = [
  ...SWARM_PATHS.flatMap((path) =>
    METHODS.flatMap((method) => [
      { method, path: `/${path}`, handle: noSwarm },
      { method, path: `/${path}/{rest*}`, handle: noSwarm },
    ]),
  ),
  { method: "GET", path: "/plugins", handle: async () => json([]) },
  { method: "GET", path: "/plugins/{name*}/json", handle: noPlugin },
];
