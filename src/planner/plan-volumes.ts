import type { VolumeSpec } from "../runtime/index.ts";
import { type Volume, volumeHash } from "../spec/index.ts";

import { COMPOSE_VERSION, LABEL } from "./labels.ts";
import type { Planning } from "./planning.ts";

export interface VolumeFate {
  readonly key: string;
  readonly name: string;
  readonly kind: "keep" | "create" | "replace";
  readonly spec: VolumeSpec & { readonly name: string };
}

/** What becomes of the volumes with these keys. A changed one is kept with a hazard, unless replacing was asked for. */
export function volumeFates(
  planning: Planning,
  keys: readonly string[],
  mayReplace: boolean,
): readonly VolumeFate[] {
  return keys.flatMap((key) => {
    const volume = planning.stack.volumes[key];
    return volume === undefined ? [] : (fateOf(planning, key, volume, mayReplace) ?? []);
  });
}

function fateOf(
  planning: Planning,
  key: string,
  volume: Volume,
  mayReplace: boolean,
): VolumeFate | undefined {
  const { stack, observed, problems, hazards, notes } = planning;
  const path = `volumes.${key}`;
  const { name } = volume;
  const found = observed.volumes.find((candidate) => candidate.name === name);
  if (volume.external === true) {
    if (found === undefined)
      problems.push({ kind: "missing-external", path, message: `external volume "${name}" not found` });
    return undefined;
  }
  const spec = volumeSpecOf(stack.name, key, volume);
  if (found === undefined) return { key, name, kind: "create", spec };
  const owner = found.labels[LABEL.project];
  if (owner !== stack.name) {
    notes.push({
      kind: "warning",
      path,
      message: `volume "${name}" already exists but was ${owner === undefined ? "not created by Docker Compose" : `created for project "${owner}" (expected "${stack.name}")`}. Use \`external: true\` to use an existing volume`,
    });
    return { key, name, kind: "keep", spec };
  }
  const hash = found.labels[LABEL.configHash];
  if (hash === undefined || hash === volumeHash(volume)) return { key, name, kind: "keep", spec };
  hazards.push({
    kind: mayReplace ? "data-loss" : "kept-old",
    path,
    message: mayReplace
      ? `volume "${name}" is replaced: its data is lost`
      : `volume "${name}" is declared differently than it was made; it is kept as it is, since replacing it loses its data`,
    ...(mayReplace && { stepId: `volume/${name}:remove` }),
  });
  return { key, name, kind: mayReplace ? "replace" : "keep", spec };
}

function volumeSpecOf(stackName: string, key: string, volume: Volume): VolumeFate["spec"] {
  return {
    name: volume.name,
    ...(volume.driver !== undefined && { driver: volume.driver }),
    ...(volume.driver_opts !== undefined && { options: volume.driver_opts }),
    labels: {
      ...volume.labels,
      [LABEL.project]: stackName,
      [LABEL.volume]: key,
      [LABEL.version]: COMPOSE_VERSION,
      [LABEL.configHash]: volumeHash(volume),
    },
  };
}
