import { kindName } from "./merge-nodes.ts";
import { scalarText } from "./merge-rules.ts";
import { cleanTarget, parseMount, type ShortMount } from "./mount-form.ts";
import { patternTable } from "./path-pattern.ts";
import { parsePort, type ShortPort } from "./port-form.ts";
import type { ProblemList } from "./problem-list.ts";
import {
  Broken,
  bool,
  isNull,
  isString,
  List,
  Mapping,
  mapEntries,
  mapItems,
  mappingOf,
  type Node,
  type Path,
  pathText,
  Scalar,
  stringIn,
  text,
} from "./source-tree.ts";

export interface CanonicalStep {
  readonly path: Path;
  readonly problems: ProblemList;
  /** Variables stand in the texts still, so a short form that cannot be read stays as it is. */
  readonly isRaw: boolean;
  /** Whether the stack declares a volume of that name. */
  readonly isVolume: (name: string) => boolean;
}

export type CanonicalRule = (node: Node, step: CanonicalStep) => Node;

function wrongKind(node: Node, wants: string, { path, problems }: CanonicalStep): Broken {
  problems.error("value/kind", `${String(path.at(-1))} must be ${wants}, not ${kindName(node)}`, {
    at: node.origin,
    path,
  });
  return new Broken(node.origin);
}

function wrongForm(
  node: Node,
  message: string,
  { path, problems, isRaw }: CanonicalStep,
  hint?: string,
): Node {
  if (isRaw) return node;
  problems.error("value/form", `${pathText(path)}: ${message}`, { at: node.origin, path, hint });
  return new Broken(node.origin);
}

const build: CanonicalRule = (node, step) => {
  if (node.kind === "map") return node;
  return isString(node)
    ? mappingOf([["context", node]], node.origin)
    : wrongKind(node, "a path or a mapping", step);
};

const asText: CanonicalRule = (node) =>
  isString(node) || node.kind !== "scalar" ? node : text(scalarText(node), node.origin);

const asList: CanonicalRule = (node) => (isString(node) ? new List([node], node.origin) : node);

const keyValues: CanonicalRule = (node, step) => {
  if (node.kind === "map") return node;
  if (node.kind !== "list") return wrongKind(node, "a list or a mapping", step);
  const values: [string, Node][] = [];
  for (const item of node.items) {
    const value = stringIn(item) ?? "";
    const equals = value.indexOf("=");
    if (equals < 0) return wrongForm(item, `"${value}" must be name=context`, step);
    values.push([value.slice(0, equals), text(value.slice(equals + 1), item.origin)]);
  }
  return mappingOf(values, node.origin);
};

const dependsOn: CanonicalRule = (node, step) => {
  if (node.kind === "map") {
    return mapEntries(node, (value, key) => {
      if (value.kind === "broken") return value;
      if (value.kind !== "map") return wrongKind(value, "a mapping", { ...step, path: [...step.path, key] });
      return dependency(value);
    });
  }
  if (node.kind !== "list") return wrongKind(node, "a list or a mapping", step);
  const entries = node.items
    .filter(isString)
    .map(
      (item) => [item.value, { key: item.origin, value: dependency(mappingOf([], item.origin)) }] as const,
    );
  return new Mapping(new Map(entries), node.origin);
};

function dependency(value: Mapping): Mapping {
  const withCondition = value.entries.has("condition")
    ? value
    : value.with("condition", text("service_started", value.origin), value.origin);
  return value.entries.has("required")
    ? withCondition
    : withCondition.with("required", bool(true, value.origin), value.origin);
}

const envFile: CanonicalRule = (node, step) => {
  if (isString(node)) return new List([envFileEntry(node)], node.origin);
  return node.kind === "list" ? mapItems(node, envFileEntry) : wrongKind(node, "a path or a list", step);
};

function envFileEntry(node: Node): Node {
  if (isString(node)) {
    return mappingOf(
      [
        ["path", node],
        ["required", bool(true, node.origin)],
      ],
      node.origin,
    );
  }
  if (node.kind !== "map" || node.entries.has("required")) return node;
  return node.with("required", bool(true, node.origin), node.origin);
}

const extendsForm: CanonicalRule = (node) =>
  isString(node) ? mappingOf([["service", node]], node.origin) : node;

const gpus: CanonicalRule = (node) => {
  if (!isString(node)) return node;
  return new List([mappingOf([["count", text("all", node.origin)]], node.origin)], node.origin);
};

const namesToMapping: CanonicalRule = (node) => {
  if (node.kind !== "list") return node;
  const entries = node.items
    .filter(isString)
    .map((item) => [item.value, { key: item.origin, value: new Scalar(null, "null", item.origin) }] as const);
  return new Mapping(new Map(entries), node.origin);
};

const fileReference: CanonicalRule = (node, step) => {
  if (node.kind === "map") return node;
  return isString(node)
    ? mappingOf([["source", node]], node.origin)
    : wrongKind(node, "a name or a mapping", step);
};

const device: CanonicalRule = (node, step) => {
  if (node.kind === "map") return node;
  if (!isString(node)) return wrongKind(node, "text or a mapping", step);
  const parts = node.value.split(":");
  if (parts.length > 3)
    return wrongForm(node, `"${node.value}" has too many colons`, step, "use the long form");
  const [source = "", target = "", permissions = "rwm"] = parts;
  return mappingOf(
    [
      ["source", text(source, node.origin)],
      ["target", text(target === "" ? source : target, node.origin)],
      ["permissions", text(permissions, node.origin)],
    ],
    node.origin,
  );
};

const ports: CanonicalRule = (node, step) => {
  if (node.kind !== "list") return wrongKind(node, "a list", step);
  const items: Node[] = [];
  for (const [index, item] of node.items.entries()) {
    if (item.kind === "map" || item.kind === "broken") items.push(item);
    else if (item.kind === "list" || !(item.type === "int" || isString(item))) {
      items.push(wrongKind(item, "a port or a mapping", { ...step, path: [...step.path, index] }));
    } else {
      const parsed = parsePort(String(item.value));
      if (!("wrong" in parsed)) items.push(...parsed.map((port) => portMapping(port, item)));
      else if (step.isRaw) return node;
      else items.push(wrongForm(item, parsed.wrong, { ...step, path: [...step.path, index] }));
    }
  }
  return new List(items, node.origin);
};

function portMapping(port: ShortPort, node: Scalar): Mapping {
  const { origin, history } = node;
  const entries: [string, Node][] = [["mode", text("ingress", origin)]];
  if (port.hostIp !== "") entries.push(["host_ip", text(port.hostIp, origin)]);
  entries.push(["target", new Scalar(port.target, "int", origin, history)]);
  if (port.published !== "")
    entries.push(["published", new Scalar(port.published, "string", origin, history)]);
  entries.push(["protocol", text(port.protocol, origin)]);
  return mappingOf(entries, origin);
}

const ssh: CanonicalRule = (node, step) => {
  if (node.kind !== "list") return node;
  const values: [string, Node][] = [];
  for (const item of node.items) {
    const value = stringIn(item) ?? "";
    const equals = value.indexOf("=");
    if (equals >= 0) values.push([value.slice(0, equals), text(value.slice(equals + 1), item.origin)]);
    else if (value === "default") values.push([value, new Scalar(null, "null", item.origin)]);
    else return wrongForm(item, `"${value}" must be "default" or id=path`, { ...step, isRaw: false });
  }
  return mappingOf(values, node.origin);
};

const ulimit: CanonicalRule = (node, step) => {
  if (node.kind === "map" || (node.kind === "scalar" && node.type === "int")) return node;
  return wrongKind(node, "a whole number or a mapping", step);
};

const mount: CanonicalRule = (node, step) => {
  if (node.kind === "map") return node;
  if (!isString(node)) return wrongKind(node, "text or a mapping", step);
  const parsed = parseMount(node.value, step.isVolume);
  if ("wrong" in parsed) return wrongForm(node, parsed.wrong, step);
  for (const option of parsed.unknown) {
    step.problems.warning("value/mount-option", `The mount option "${option}" has no effect`, {
      at: node.origin,
      path: step.path,
    });
  }
  return mountMapping(parsed, node);
};

function mountMapping(parsed: ShortMount, node: Scalar): Mapping {
  const { origin } = node;
  const entries: [string, Node][] = [["type", text(parsed.type, origin)]];
  if (parsed.source !== undefined) {
    entries.push(["source", new Scalar(parsed.source, "string", origin, node.history)]);
  }
  entries.push(["target", text(cleanTarget(parsed.target), origin)]);
  if (parsed.readOnly) entries.push(["read_only", bool(true, origin)]);
  const bind: [string, Node][] = [];
  if (parsed.selinux !== undefined) bind.push(["selinux", text(parsed.selinux, origin)]);
  if (parsed.propagation !== undefined) bind.push(["propagation", text(parsed.propagation, origin)]);
  if (parsed.type === "bind") bind.push(["create_host_path", bool(true, origin)]);
  if (bind.length > 0) entries.push(["bind", mappingOf(bind, origin)]);
  const isTiny = String(node.value).length <= 2;
  if (parsed.noCopy) entries.push(["volume", mappingOf([["nocopy", bool(true, origin)]], origin)]);
  else if (parsed.type === "volume" && !isTiny) entries.push(["volume", mappingOf([], origin)]);
  return mappingOf(entries, origin);
}

/** `external: {name: x}`, which is `external: true` with that name. */
const externalName: CanonicalRule = (node, step) => {
  const external = node.kind === "map" ? node.get("external") : undefined;
  if (node.kind !== "map" || external?.kind !== "map") return node;
  const resource = node.with("external", bool(true, external.origin));
  const outer = node.get("name");
  const inner = external.get("name");
  if (inner === undefined) return resource;
  step.problems.warning("value/external-name", `${pathText(step.path)}: external.name is outdated`, {
    at: inner.origin,
    path: [...step.path, "external", "name"],
    hint: "write name, and external: true",
  });
  if (outer === undefined || isNull(outer)) return resource.with("name", inner);
  if (stringIn(outer) !== stringIn(inner)) {
    step.problems.error("value/external-name", `${pathText(step.path)}: name and external.name differ`, {
      at: inner.origin,
      path: step.path,
      related: [{ at: outer.origin, message: "the other name" }],
    });
  }
  return resource;
};

/** Short forms (compose-go 2.9.1, transform). */
export const CANONICAL_RULES = patternTable<CanonicalRule>({
  "services.*.build": build,
  "services.*.build.secrets.*": fileReference,
  "services.*.build.provenance": asText,
  "services.*.build.sbom": asText,
  "services.*.build.additional_contexts": keyValues,
  "services.*.build.ssh": ssh,
  "services.*.build.ulimits.*": ulimit,
  "services.*.depends_on": dependsOn,
  "services.*.env_file": envFile,
  "services.*.label_file": asList,
  "services.*.extends": extendsForm,
  "services.*.gpus": gpus,
  "services.*.networks": namesToMapping,
  "services.*.models": namesToMapping,
  "services.*.volumes.*": mount,
  "services.*.dns": asList,
  "services.*.devices.*": device,
  "services.*.secrets.*": fileReference,
  "services.*.configs.*": fileReference,
  "services.*.ports": ports,
  "services.*.ulimits.*": ulimit,
  "services.*.develop.watch.*.ignore": asList,
  "services.*.develop.watch.*.include": asList,
  "volumes.*": externalName,
  "networks.*": externalName,
  "secrets.*": externalName,
  "configs.*": externalName,
});
