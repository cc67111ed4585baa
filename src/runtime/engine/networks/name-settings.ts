import type { ContainerSpec } from "../../index.ts";
import type { NameSettings } from "./sandbox-record.ts";

export function nameSettings(spec: ContainerSpec): NameSettings {
  const endpointLinks = Object.values(spec.networks ?? {}).flatMap(({ links }) => links ?? []);
  return {
    servers: spec.dns ?? [],
    search: spec.dnsSearch ?? [],
    options: spec.dnsOptions ?? [],
    extraHosts: spec.extraHosts ?? [],
    links: [...(spec.links ?? []), ...endpointLinks],
  };
}
