import type { MountSpec } from "./containers.ts";

/**
 * A volume of which only the place is said: Docker's `Volumes`, a Compose file's `- /data`. Any volume will do there, and
 * so does anything else that is mounted there.
 */
export function isBareVolume(
  spec: MountSpec,
): spec is Extract<MountSpec, { type: "volume" }> & { readonly source?: never } {
  return spec.type === "volume" && Object.keys(spec).length === 2;
}

/** Where image and spec want some volume; each place once. */
export function volumePlaces(
  imageVolumes: readonly string[],
  mounts: readonly MountSpec[] | undefined,
): readonly string[] {
  const own = (mounts ?? []).filter(isBareVolume).map(({ target }) => target);
  return [...new Set([...imageVolumes, ...own])];
}
