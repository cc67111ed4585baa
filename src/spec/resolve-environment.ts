import {
  isString,
  type List,
  type Mapping,
  mapEntries,
  mapItems,
  type Node,
  Scalar,
  stringIn,
  text,
} from "./source-tree.ts";
import { HIDDEN_CONTENT } from "./to-stack.ts";
import { useOf, type Variables } from "./variables.ts";

/** Takes from the project's variables what `- KEY`, `secrets.*.environment` and `configs.*.environment` name. */
export function resolveEnvironment(root: Mapping, variables: Variables): Mapping {
  return mapEntries(root, (section, name) => {
    if (section.kind !== "map") return section;
    if (name === "services") return mapEntries(section, (service) => resolveService(service, variables));
    if (name === "secrets" || name === "configs") {
      return mapEntries(section, (resource) => resolveContent(resource, variables));
    }
    return section;
  });
}

function resolveService(service: Node, variables: Variables): Node {
  const environment = service.kind === "map" ? service.get("environment") : undefined;
  if (service.kind !== "map" || environment?.kind !== "list") return service;
  const resolved: List = mapItems(environment, (item) => {
    const variable = isString(item) ? variables.find(item.value) : undefined;
    if (variable === undefined || item.kind !== "scalar") return item;
    const uses = [useOf(String(item.value), variable)];
    return new Scalar(`${item.value}=${variable.value}`, "string", item.origin, { variables: uses });
  });
  return resolved === environment ? service : service.with("environment", resolved);
}

function resolveContent(resource: Node, variables: Variables): Node {
  const node = resource.kind === "map" ? resource.get("environment") : undefined;
  const value = variables.value(stringIn(node) ?? "");
  if (resource.kind !== "map" || node === undefined || value === undefined) return resource;
  return resource.with(HIDDEN_CONTENT, text(value, node.origin), node.origin);
}
