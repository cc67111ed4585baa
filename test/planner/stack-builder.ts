import type { Observed } from "../../src/planner/index.ts";
import type { Network, Service, Stack, Volume } from "../../src/spec/index.ts";

/** A machine with an image and nothing else. */
export const NOTHING: Observed = {
  stackName: "shop",
  nowMs: 0,
  containers: [],
  networks: [],
  volumes: [],
  images: { "a:1": { id: "sha256:1" } },
  takenPorts: [],
};

/** A stack as the loader makes one: services on the default network unless they say otherwise. */
export function stackOf(
  services: Readonly<Record<string, Service>>,
  more: Partial<Omit<Stack, "services">> = {},
): Stack {
  const name = more.name ?? "shop";
  const filled = Object.entries(services).map(([key, service]) => [key, withNetwork(service)] as const);
  const usesDefault = filled.some(
    ([, service]) => service.networks !== undefined && "default" in service.networks,
  );
  const networks: Record<string, Network> = usesDefault ? { default: { name: `${name}_default` } } : {};
  return {
    name,
    services: Object.fromEntries(filled),
    volumes: {},
    configs: {},
    secrets: {},
    models: {},
    workingDir: "/srv/shop",
    configFiles: ["/srv/shop/compose.yaml"],
    envFiles: [],
    profiles: [],
    disabled: {},
    ...more,
    networks: { ...networks, ...more.networks },
  };
}

function withNetwork(service: Service): Service {
  if (service.network_mode !== undefined || service.networks !== undefined) return service;
  return { ...service, networks: { default: null } };
}

export function volumeOf(key: string, more: Partial<Volume> = {}): Readonly<Record<string, Volume>> {
  return { [key]: { name: `shop_${key}`, ...more } };
}

export function needs(
  name: string,
  condition: "service_started" | "service_healthy" | "service_completed_successfully" = "service_started",
  more: { readonly required?: boolean; readonly restart?: boolean } = {},
) {
  return { [name]: { condition, required: true, ...more } };
}
