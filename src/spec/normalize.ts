import { cleanPath } from "./paths.ts";
import {
  bool,
  isNull,
  isString,
  List,
  Mapping,
  mapEntries,
  mapItems,
  mappingOf,
  type Node,
  type Origin,
  Scalar,
  stringIn,
  text,
} from "./source-tree.ts";
import { useOf, type Variables } from "./variables.ts";

/** Writes out what Compose implies: the default network, names, dependencies, the build's files (compose-go 2.9.1, normalize). Without variables, keys without a value stay so. */
export function normalize(root: Mapping, name: string, variables: Variables | undefined): Mapping {
  const withNetworks = addDefaultNetwork(root.with("name", text(name, root.origin), root.origin));
  const normal = mapEntries(withNetworks, (section, key) => {
    if (key !== "services" || section.kind !== "map") return section;
    return mapEntries(section, (service) =>
      service.kind === "map" ? normalizeService(service, variables) : service,
    );
  });
  return nameResources(normal, name);
}

function addDefaultNetwork(root: Mapping): Mapping {
  const services = root.get("services");
  if (services?.kind !== "map") return root;
  let usesDefault = false;
  const attached = mapEntries(services, (service) => {
    if (service.kind !== "map" || service.entries.has("provider") || service.entries.has("network_mode")) {
      return service;
    }
    const networks = service.get("networks");
    if (networks !== undefined && networks.kind !== "map") return service;
    if (networks !== undefined && networks.entries.size > 0) {
      usesDefault ||= networks.entries.has("default");
      return service;
    }
    usesDefault = true;
    const at = service.origin;
    return service.with("networks", mappingOf([["default", new Scalar(null, "null", at)]], at), at);
  });
  const withServices = root.with("services", attached);
  const networks = root.get("networks") ?? mappingOf([], root.origin);
  if (networks.kind !== "map" || !usesDefault || networks.entries.has("default")) return withServices;
  const at = root.origin;
  return withServices.with("networks", networks.with("default", new Scalar(null, "null", at), at), at);
}

function normalizeService(service: Mapping, variables: Variables | undefined): Mapping {
  let normal = service;
  const change = (key: string, value: (node: Node) => Node) => {
    const node = normal.get(key);
    if (node !== undefined) normal = normal.with(key, value(node));
  };
  change("pull_policy", (node) =>
    stringIn(node) === "if_not_present" ? text("missing", node.origin) : node,
  );
  change("build", (node) => (node.kind === "map" ? normalizeBuild(node, variables) : node));
  change("environment", (node) => fillUnvalued(node, variables, true));
  change("volumes", (node) => (node.kind === "list" ? mapItems(node, cleanMountTarget) : node));
  const dependencies = impliedDependencies(normal);
  if (dependencies !== undefined) normal = normal.with("depends_on", dependencies);
  return normal;
}

function normalizeBuild(build: Mapping, variables: Variables | undefined): Mapping {
  let normal = build;
  const at = build.origin;
  if (isAbsent(build.get("context"))) normal = normal.with("context", text(".", at), at);
  if (isAbsent(build.get("dockerfile")) && isAbsent(build.get("dockerfile_inline"))) {
    normal = normal.with("dockerfile", text("Dockerfile", at), at);
  }
  const args = build.get("args");
  return args === undefined ? normal : normal.with("args", fillUnvalued(args, variables, false));
}

function isAbsent(node: Node | undefined): boolean {
  return node === undefined || isNull(node);
}

/** `KEY` without a value takes the variable's; where there is none it stays so, or goes. */
function fillUnvalued(node: Node, variables: Variables | undefined, keeps: boolean): Node {
  if (variables === undefined) return node;
  if (node.kind === "map") {
    return mapEntries(node, (value, key) => {
      if (!isNull(value)) return value;
      const variable = variables.find(key);
      if (variable === undefined) return keeps ? value : undefined;
      const uses = [useOf(key, variable)];
      return new Scalar(variable.value, "string", value.origin, { variables: uses });
    });
  }
  if (node.kind !== "list") return node;
  const items = node.items.flatMap((item) => {
    if (!isString(item) || item.value.includes("=")) return [item];
    const variable = variables.find(item.value);
    if (variable === undefined) return keeps ? [item] : [];
    const uses = [useOf(item.value, variable)];
    return [new Scalar(`${item.value}=${variable.value}`, "string", item.origin, { variables: uses })];
  });
  return new List(items, node.origin);
}

function cleanMountTarget(node: Node): Node {
  const target = node.kind === "map" ? node.get("target") : undefined;
  if (node.kind !== "map" || !isString(target)) return node;
  const clean = cleanPath(target.value);
  return clean === target.value ? node : node.with("target", text(clean, target.origin));
}

const NAMESPACES = ["network_mode", "ipc", "pid", "uts", "cgroup"];

function impliedDependencies(service: Mapping): Mapping | undefined {
  const declared = service.get("depends_on");
  if (declared !== undefined && declared.kind !== "map") return undefined;
  let dependencies = declared ?? mappingOf([], service.origin);
  const add = (name: string, restart: boolean, at: Origin) => {
    if (dependencies.entries.has(name)) return;
    dependencies = dependencies.with(name, impliedDependency(restart, at), at);
  };
  for (const link of stringItems(service.get("links"))) {
    const parts = link.value.split(":");
    add(parts.length === 2 ? (parts[0] ?? "") : link.value, true, link.origin);
  }
  for (const key of NAMESPACES) {
    const node = service.get(key);
    const mode = stringIn(node);
    if (node !== undefined && mode?.startsWith("service:"))
      add(mode.slice("service:".length), true, node.origin);
  }
  for (const item of stringItems(service.get("volumes_from"))) {
    if (!item.value.startsWith("container:")) add(item.value.split(":")[0] ?? "", false, item.origin);
  }
  return dependencies.entries.size > 0 ? dependencies : undefined;
}

function stringItems(node: Node | undefined): readonly (Scalar & { readonly value: string })[] {
  return node?.kind === "list" ? node.items.filter(isString) : [];
}

function impliedDependency(restart: boolean, at: Origin): Mapping {
  return mappingOf(
    [
      ["condition", text("service_started", at)],
      ["restart", bool(restart, at)],
      ["required", bool(true, at)],
    ],
    at,
  );
}

function nameResources(root: Mapping, name: string): Mapping {
  return mapEntries(root, (section, kind) => {
    const isNamed = kind === "networks" || kind === "volumes" || kind === "configs" || kind === "secrets";
    if (!isNamed || section.kind !== "map") return section;
    return mapEntries(section, (node, key, entry) => {
      const resource = isNull(node) ? new Mapping(new Map(), entry.key) : node;
      if (resource.kind !== "map" || !isAbsent(resource.get("name"))) return resource;
      const external = resource.get("external");
      const isExternal = external?.kind === "scalar" && external.value === true;
      return resource.with("name", text(isExternal ? key : `${name}_${key}`, entry.key), entry.key);
    });
  });
}
