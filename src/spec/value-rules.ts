import { type PatternNode, patternTable, stepItem, stepKey } from "./path-pattern.ts";
import { isIpAddress } from "./port-form.ts";
import type { ProblemList } from "./problem-list.ts";
import { type Mapping, type Node, type Path, pathText, stringIn } from "./source-tree.ts";

type ValueRule = (node: Node, path: Path, problems: ProblemList) => void;

const externalAlone: ValueRule = (node, path, problems) => {
  const external = node.kind === "map" ? node.get("external") : undefined;
  if (node.kind !== "map" || external?.kind !== "scalar" || external.value !== true) return;
  for (const [key, entry] of node.entries) {
    if (key === "name" || key === "external" || key.startsWith("x-")) continue;
    problems.error("value/external", `${pathText(path)} is external, so it has no ${key}`, {
      at: entry.key,
      path: [...path, key],
      related: [{ at: external.origin, message: "external here" }],
    });
  }
};

const oneSource =
  (...keys: readonly string[]): ValueRule =>
  (node, path, problems) => {
    if (node.kind !== "map") return;
    const present = keys.filter((key) => node.entries.has(key));
    const second = node.entries.get(present[1] ?? "");
    if (second !== undefined) {
      problems.error("value/one-source", `${pathText(path)} has ${present.join(" and ")}, only one may be`, {
        at: second.key,
        path: [...path, present[1] ?? ""],
      });
    } else if (present.length === 0 && !node.entries.has("driver") && !node.entries.has("external")) {
      problems.error("value/one-source", `${pathText(path)} needs one of ${keys.join(", ")}`, {
        at: node.origin,
        path,
      });
    }
  };

const hostIp: ValueRule = (node, path, problems) => {
  const ip = node.kind === "map" ? node.get("host_ip") : undefined;
  const address = stringIn(ip);
  if (ip === undefined || address === undefined || isIpAddress(address)) return;
  problems.error("value/ip-address", `host_ip "${address}" is no IP address`, {
    at: ip.origin,
    path: [...path, "host_ip"],
  });
};

const notBlank: ValueRule = (node, path, problems) => {
  if (stringIn(node) !== "") return;
  problems.error("value/blank", `${pathText(path)} must not be empty`, { at: node.origin, path });
};

const deviceRequest: ValueRule = (node, path, problems) => {
  if (node.kind !== "map") return;
  const ids = node.entries.get("device_ids");
  if (!node.entries.has("count") || ids === undefined) return;
  problems.error("value/device-request", `${pathText(path)} has count and device_ids, only one may be`, {
    at: ids.key,
    path: [...path, "device_ids"],
  });
};

/** What one value must be beyond its schema (compose-go 2.9.1, validation). */
const VALUE_RULES = patternTable<ValueRule>({
  "volumes.*": externalAlone,
  "configs.*": oneSource("file", "environment", "content"),
  "secrets.*": oneSource("file", "environment"),
  "services.*.ports.*": hostIp,
  "services.*.develop.watch.*.path": notBlank,
  "services.*.deploy.resources.reservations.devices.*": deviceRequest,
  "services.*.gpus.*": deviceRequest,
});

export function checkValues(root: Mapping, problems: ProblemList): void {
  walk(root, [], VALUE_RULES, problems);
}

function walk(
  node: Node,
  path: Path,
  rules: PatternNode<ValueRule> | undefined,
  problems: ProblemList,
): void {
  if (rules === undefined) return;
  if (rules.rule !== undefined) rules.rule(node, path, problems);
  else if (node.kind === "map") {
    for (const [key, { value }] of node.entries) walk(value, [...path, key], stepKey(rules, key), problems);
  } else if (node.kind === "list") {
    node.items.forEach((item, index) => {
      walk(item, [...path, index], stepItem(rules), problems);
    });
  }
}
