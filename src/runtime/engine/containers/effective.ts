import { hostname as machineName } from "node:os";
import {
  type ContainerInfo,
  type ContainerSpec,
  type HealthcheckSpec,
  type ImageDefaults,
  volumePlaces,
} from "../../index.ts";

export type Effective = ContainerInfo["effective"];

/** What runs: the spec with the image's defaults folded in, by Docker's rules. */
export function effectiveOf(spec: ContainerSpec, image: ImageDefaults, id: string): Effective {
  const entrypoint = entrypointOf(spec, image);
  const cmd = cmdOf(spec, image);
  const [path = "", ...args] = [...(entrypoint ?? []), ...(cmd ?? [])];
  return {
    path,
    args,
    env: mergeEnv(image.env ?? [], spec.env ?? []),
    entrypoint,
    cmd,
    user: nonEmpty(spec.user) ?? image.user ?? "",
    workingDir: nonEmpty(spec.workingDir) ?? image.workingDir ?? "",
    labels: { ...image.labels, ...spec.labels },
    exposedPorts: [...new Set([...(image.exposedPorts ?? []), ...(spec.exposedPorts ?? [])])],
    volumes: volumePlaces(image.volumes ?? [], spec.mounts),
    stopSignal: nonEmpty(spec.stopSignal) ?? nonEmpty(image.stopSignal),
    healthcheck: healthcheckOf(spec.healthcheck, image.healthcheck),
    hostname: nonEmpty(spec.hostname) ?? (sharesHostName(spec) ? machineName() : id.slice(0, 12)),
  };
}

/** Whoever lives in the machine's network or names has the machine's name. */
function sharesHostName({ networkMode, utsMode }: ContainerSpec): boolean {
  return networkMode === "host" || utsMode === "host";
}

/** `[]` and `[""]` clear the image's. */
function entrypointOf(spec: ContainerSpec, image: ImageDefaults): readonly string[] | undefined {
  const { entrypoint } = spec;
  if (entrypoint === undefined) return emptyToUndefined(image.entrypoint);
  if (entrypoint.length === 1 && entrypoint[0] === "") return undefined;
  return emptyToUndefined(entrypoint);
}

/** The image's command belongs to the image's entrypoint: one's own entrypoint drops it. */
function cmdOf(spec: ContainerSpec, image: ImageDefaults): readonly string[] | undefined {
  if (spec.command !== undefined && spec.command.length > 0) return spec.command;
  return spec.entrypoint === undefined ? emptyToUndefined(image.cmd) : undefined;
}

/** The container's first, then what the image has besides; a bare `KEY` takes the image's value away, and stays to be seen. */
export function mergeEnv(image: readonly string[], own: readonly string[]): readonly string[] {
  const named = new Set(own.map(nameOf));
  return [...own, ...image.filter((entry) => !named.has(nameOf(entry)))];
}

function nameOf(entry: string): string {
  return entry.split("=", 1)[0] ?? entry;
}

/** Undefined: nothing probes it. Zero and absent times inherit. */
function healthcheckOf(own: HealthcheckSpec = {}, image: HealthcheckSpec = {}): HealthcheckSpec | undefined {
  const test = own.test !== undefined && own.test.length > 0 ? own.test : image.test;
  if (test === undefined || test.length === 0) return undefined;
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== 0));
  return { ...image, ...given, test };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

function emptyToUndefined(list: readonly string[] | undefined): readonly string[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}
