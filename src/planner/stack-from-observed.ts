import type { Dependency, Network, Service, Stack, Volume } from "../spec/index.ts";
import { LABEL } from "./labels.ts";
import type { Observed } from "./observed.ts";
import { isOneOff, serviceOf } from "./planning.ts";

/**
 * What the labels tell of a stack whose file is not at hand: enough to stop, start and take it down in order,
 * not to make any of it. As Compose rebuilds a project from its name.
 */
export function stackFromObserved(observed: Observed): Stack {
  const services: Record<string, Service> = {};
  let workingDir = "/";
  let configFiles: readonly string[] = [];
  for (const container of observed.containers) {
    if (isOneOff(container)) continue;
    const name = serviceOf(container);
    const scale = (services[name]?.scale ?? 0) + 1;
    services[name] = {
      image: container.image,
      scale,
      depends_on: dependenciesFrom(container.labels[LABEL.dependsOn] ?? ""),
    };
    workingDir = container.labels[LABEL.workingDir] ?? workingDir;
    configFiles = container.labels[LABEL.configFiles]?.split(",") ?? configFiles;
  }
  const networks: Record<string, Network> = {};
  for (const { name, labels } of observed.networks) {
    const key = labels[LABEL.network];
    if (key !== undefined) networks[key] = { name };
  }
  const volumes: Record<string, Volume> = {};
  for (const { name, labels } of observed.volumes) {
    const key = labels[LABEL.volume];
    if (key !== undefined) volumes[key] = { name };
  }
  return {
    name: observed.stackName,
    services,
    networks,
    volumes,
    configs: {},
    secrets: {},
    models: {},
    workingDir,
    configFiles,
    envFiles: [],
    profiles: [],
    disabled: {},
  };
}

/** `db:service_healthy:true,init::false` */
function dependenciesFrom(text: string): Readonly<Record<string, Dependency>> {
  const found: Record<string, Dependency> = {};
  for (const entry of text.split(",")) {
    const [name = "", condition, restart] = entry.split(":");
    if (name === "") continue;
    found[name] = {
      condition: conditionFrom(condition),
      required: true,
      ...(restart === "true" && { restart: true }),
    };
  }
  return found;
}

function conditionFrom(text: string | undefined): Dependency["condition"] {
  return text === "service_healthy" || text === "service_completed_successfully" ? text : "service_started";
}
