import type { NetworkSpec } from "../runtime/index.ts";
import { type Network, networkHash } from "../spec/index.ts";

import { COMPOSE_VERSION, LABEL } from "./labels.ts";
import type { ObservedNetwork } from "./observed.ts";
import type { Planning } from "./planning.ts";

export interface NetworkFate {
  readonly key: string;
  readonly name: string;
  readonly kind: "keep" | "create" | "replace";
  readonly spec: NetworkSpec;
  readonly observed?: ObservedNetwork;
}

/** What becomes of the networks with these keys. Missing external ones and ones of others are problems. */
export function networkFates(planning: Planning, keys: readonly string[]): readonly NetworkFate[] {
  return keys.flatMap((key) => {
    const network = planning.stack.networks[key];
    return network === undefined ? [] : (fateOf(planning, key, network) ?? []);
  });
}

function fateOf(planning: Planning, key: string, network: Network): NetworkFate | undefined {
  const { stack, observed, problems, notes } = planning;
  const path = `networks.${key}`;
  const { name } = network;
  const found = observed.networks.find((candidate) => candidate.name === name);
  if (network.external === true) {
    if (found === undefined && !isPredefined(name))
      problems.push({
        kind: "missing-external",
        path,
        message: `network ${name} declared as external, but could not be found`,
      });
    return undefined;
  }
  const spec = networkSpecOf(stack.name, key, network);
  if (found === undefined) return { key, name, kind: "create", spec };
  const owner = found.labels[LABEL.project];
  if (owner !== stack.name)
    notes.push({
      kind: "warning",
      path,
      message: `a network with name ${name} exists but was not created ${owner === undefined ? "by compose" : `for project "${stack.name}"`}. Set \`external: true\` to use an existing network`,
    });
  const label = found.labels[LABEL.network];
  if (label !== key) {
    problems.push({
      kind: "wrong-owner",
      path,
      message: `network ${name} was found but has incorrect label ${LABEL.network} set to "${label ?? ""}" (expected: "${key}")`,
    });
    return undefined;
  }
  const hash = found.labels[LABEL.configHash];
  const isSame = hash === undefined || hash === networkHash(network) || owner !== stack.name;
  return { key, name, kind: isSame ? "keep" : "replace", spec, observed: found };
}

function isPredefined(name: string): boolean {
  return name === "bridge" || name === "host" || name === "none";
}

function networkSpecOf(stackName: string, key: string, network: Network): NetworkSpec {
  const { ipam } = network;
  const pools = ipam?.config?.map((pool) => ({
    ...(pool.subnet !== undefined && { subnet: pool.subnet }),
    ...(pool.ip_range !== undefined && { ipRange: pool.ip_range }),
    ...(pool.gateway !== undefined && { gateway: pool.gateway }),
    ...(pool.aux_addresses !== undefined && { auxAddresses: pool.aux_addresses }),
  }));
  return {
    name: network.name,
    ...(network.driver !== undefined && { driver: network.driver }),
    ...(network.driver_opts !== undefined && { options: network.driver_opts }),
    ...((ipam?.driver !== undefined || ipam?.options !== undefined || (pools?.length ?? 0) > 0) && {
      ipam: {
        ...(ipam?.driver !== undefined && { driver: ipam.driver }),
        ...(ipam?.options !== undefined && { options: ipam.options }),
        ...(pools !== undefined && { pools }),
      },
    }),
    ...(network.internal === true && { internal: true }),
    ...(network.attachable === true && { attachable: true }),
    ...(network.enable_ipv4 !== undefined && { enableIpv4: network.enable_ipv4 }),
    ...(network.enable_ipv6 !== undefined && { enableIpv6: network.enable_ipv6 }),
    labels: {
      ...network.labels,
      [LABEL.project]: stackName,
      [LABEL.network]: key,
      [LABEL.version]: COMPOSE_VERSION,
      [LABEL.configHash]: networkHash(network),
    },
  };
}
