import {
  endpointSpecFromWire,
  filtersFromQuery,
  networkInfoToWire,
  networkSpecFromWire,
} from "../../runtime/docker-api/index.ts";
import { RuntimeError } from "../../runtime/index.ts";
import { type Call, param } from "../call.ts";
import { empty, invalid, json, type Reply } from "../reply.ts";
import type { Route } from "../router.ts";

export const networkRoutes: readonly Route[] = [
  { method: "GET", path: "/networks", handle: list },
  { method: "POST", path: "/networks/create", handle: create },
  { method: "POST", path: "/networks/prune", handle: prune },
  { method: "GET", path: "/networks/{id}", handle: inspect },
  { method: "DELETE", path: "/networks/{id}", handle: remove },
  { method: "POST", path: "/networks/{id}/connect", handle: connect },
  { method: "POST", path: "/networks/{id}/disconnect", handle: disconnect },
];

async function list(call: Call): Promise<Reply> {
  const networks = await call.runtime.networks.list(filtersFromQuery(call.query.get("filters"), "networks"));
  return json(networks.map(networkInfoToWire));
}

async function create(call: Call): Promise<Reply> {
  const body = await call.readJson();
  refuseCluster(body);
  const spec = networkSpecFromWire(body);
  if (spec.name.trim() === "") throw invalid("invalid name: name is empty");
  const { id, warning } = await call.runtime.networks.create(spec);
  return json({ Id: id, Warning: warning ?? "" }, 201);
}

async function prune(call: Call): Promise<Reply> {
  const { removed } = await call.runtime.networks.prune(
    filtersFromQuery(call.query.get("filters"), "networksPrune"),
  );
  return json({ NetworksDeleted: removed.length === 0 ? null : removed });
}

/** What only makes sense among several machines: it must not become a network without it. */
function refuseCluster(body: Awaited<ReturnType<Call["readJson"]>>): void {
  const configuration = body.object("ConfigFrom").filled("Network");
  if (body.isSet("Ingress")) throw invalid("Ingress network can only be global scope network");
  if (body.text("Scope") === "swarm")
    throw invalid("cannot create a swarm scoped network when swarm is not active");
  if (body.isSet("ConfigOnly"))
    throw new RuntimeError("unsupported", "Cannot create a network that is a configuration only");
  if (configuration !== undefined)
    throw new RuntimeError("not-found", `configuration network "${configuration}" does not exist`);
}

async function inspect(call: Call): Promise<Reply> {
  return json(networkInfoToWire(await call.runtime.networks.inspect(param(call, "id"))));
}

async function remove(call: Call): Promise<Reply> {
  await call.runtime.networks.remove(param(call, "id"));
  return empty(204);
}

async function connect(call: Call): Promise<Reply> {
  const body = await call.readJson();
  const container = body.text("Container") ?? "";
  // dockerd looks for the container first.
  await call.runtime.containers.inspect(container);
  const endpoint = endpointSpecFromWire(body.object("EndpointConfig"));
  await call.runtime.networks.connect(param(call, "id"), container, endpoint);
  return empty(200);
}

async function disconnect(call: Call): Promise<Reply> {
  const body = await call.readJson();
  await call.runtime.networks.disconnect(param(call, "id"), body.text("Container") ?? "", {
    force: body.flag("Force") ?? false,
  });
  return empty(200);
}
