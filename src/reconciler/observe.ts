import {
  type Desired,
  imageOf,
  LABEL,
  mountedImages,
  type Observed,
  type ObservedContainer,
  type ObservedImage,
  type ObservedNetwork,
  type ObservedVolume,
} from "../planner/index.ts";
import {
  type ContainerRuntime,
  type ContainerSummary,
  hasKind,
  type NetworkInfo,
  type PortBinding,
  type VolumeInfo,
} from "../runtime/index.ts";
import { observeTakenPorts } from "./observe-ports.ts";

export interface ObserveOptions {
  /** Whether a program of this machine holds the port; absent: only containers are asked. */
  readonly isPortTaken?: (binding: PortBinding) => Promise<boolean>;
  readonly signal?: AbortSignal;
  /** Milliseconds since the epoch; default: the machine's clock. */
  readonly nowMs?: number;
}

/**
 * Reads one stack's world in a few calls, made at once; chooses nothing. One list each of containers, networks
 * and volumes, one inspection for each distinct image, and a second round only for what the lists did not tell.
 * Rejects with the runtime's error.
 */
export async function observe(
  runtime: ContainerRuntime,
  stackName: string,
  desired?: Desired,
  options: ObserveOptions = {},
): Promise<Observed> {
  const label = [`${LABEL.project}=${stackName}`];
  const [summaries, networks, volumes, images] = await Promise.all([
    runtime.containers.list({ all: true, filters: { label } }),
    observeNetworks(runtime, stackName, desired),
    observeVolumes(runtime, label, desired),
    observeImages(runtime, desired),
  ]);
  options.signal?.throwIfAborted();
  return {
    stackName,
    nowMs: options.nowMs ?? Date.now(),
    containers: summaries.map(toObserved),
    networks,
    volumes,
    images,
    takenPorts: await observeTakenPorts(runtime, { stackName, desired, summaries, ...options }),
  };
}

export function toObserved(summary: ContainerSummary): ObservedContainer {
  const { state } = summary;
  const { health, wasStoppedManually } = state;
  const ports = heldPorts(summary);
  return {
    id: summary.id,
    name: summary.name,
    image: summary.image,
    imageId: summary.imageId,
    status: state.status,
    exitCode: state.exitCode,
    ...(health !== undefined && { health: health.status }),
    ...(wasStoppedManually !== undefined && { wasStoppedManually }),
    createdAtMs: summary.createdAt.getTime(),
    labels: summary.labels,
    networks: Object.fromEntries(
      Object.entries(summary.endpoints).map(([name, { networkId }]) => [name, networkId]),
    ),
    networkMode: summary.networkMode,
    mounts: summary.mounts.map(({ type, name, source, target }) => ({
      type,
      source,
      target,
      ...(name !== undefined && { name }),
    })),
    ...(ports.length > 0 && { ports }),
  };
}

function heldPorts({ ports }: ContainerSummary): NonNullable<ObservedContainer["ports"]> {
  return ports.flatMap(({ hostIp, hostPort, protocol }) =>
    hostPort === undefined ? [] : [{ hostPort, protocol, ...(hostIp !== undefined && { hostIp }) }],
  );
}

async function observeNetworks(
  runtime: ContainerRuntime,
  stackName: string,
  desired: Desired | undefined,
): Promise<readonly ObservedNetwork[]> {
  const wanted = new Set(Object.values(desired?.stack.networks ?? {}).map(({ name }) => name));
  const all = await runtime.networks.list();
  return all
    .filter(({ name, labels }) => wanted.has(name) || labels[LABEL.project] === stackName)
    .map(networkOf);
}

function networkOf({ id, name, driver, labels }: NetworkInfo): ObservedNetwork {
  return { id, name, driver, labels };
}

async function observeVolumes(
  runtime: ContainerRuntime,
  label: readonly string[],
  desired: Desired | undefined,
): Promise<readonly ObservedVolume[]> {
  const own = await runtime.volumes.list({ label });
  const known = new Set(own.map(({ name }) => name));
  const missing = Object.values(desired?.stack.volumes ?? {}).filter(({ name }) => !known.has(name));
  const others = await Promise.all(missing.map(({ name }) => ifThere(runtime.volumes.inspect(name))));
  return [...own, ...others.filter((volume) => volume !== undefined)].map(volumeOf);
}

function volumeOf({ name, driver, labels }: VolumeInfo): ObservedVolume {
  return { name, driver, labels };
}

async function observeImages(
  runtime: ContainerRuntime,
  desired: Desired | undefined,
): Promise<Readonly<Record<string, ObservedImage>>> {
  if (desired === undefined) return {};
  const { stack } = desired;
  const references = new Set(
    Object.entries(stack.services).flatMap(([name, service]) => [
      imageOf(stack, name, service),
      ...mountedImages(service),
    ]),
  );
  const found = await Promise.all(
    [...references].map(async (reference) => {
      const image = await ifThere(runtime.images.inspect(reference));
      if (image === undefined) return [];
      const { id, config, lastTaggedAt } = image;
      const observed: ObservedImage = {
        id,
        ...(config.volumes !== undefined && { volumes: config.volumes }),
        ...(config.healthcheck !== undefined && { healthcheck: config.healthcheck }),
        ...(lastTaggedAt !== undefined && { lastTaggedAtMs: lastTaggedAt.getTime() }),
      };
      return [[reference, observed] as const];
    }),
  );
  return Object.fromEntries(found.flat());
}

async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (hasKind(error, "not-found")) return undefined;
    throw error;
  }
}
