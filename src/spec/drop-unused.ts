import type { Service, Stack } from "./stack.ts";

/** Without the networks, volumes, configs, secrets and models that no enabled service uses. */
export function dropUnused(stack: Stack): Stack {
  const services = Object.values(stack.services);
  return {
    ...stack,
    networks: keep(stack.networks, services, (service) => Object.keys(service.networks ?? {})),
    volumes: keep(stack.volumes, services, (service) =>
      (service.volumes ?? []).flatMap(({ type, source }) =>
        type === "volume" && source !== undefined ? [source] : [],
      ),
    ),
    secrets: keep(stack.secrets, services, (service) =>
      [...(service.secrets ?? []), ...(service.build?.secrets ?? [])].map(({ source = "" }) => source),
    ),
    configs: keep(stack.configs, services, (service) =>
      (service.configs ?? []).map(({ source = "" }) => source),
    ),
    models: keep(stack.models, services, (service) => Object.keys(service.models ?? {})),
  };
}

function keep<T>(
  resources: Readonly<Record<string, T>>,
  services: readonly Service[],
  usedBy: (service: Service) => readonly string[],
): Readonly<Record<string, T>> {
  const used = new Set(services.flatMap(usedBy));
  const kept: Record<string, T> = Object.create(null);
  for (const [name, resource] of Object.entries(resources)) if (used.has(name)) kept[name] = resource;
  return kept;
}
