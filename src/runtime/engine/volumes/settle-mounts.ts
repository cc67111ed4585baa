import { posix } from "node:path";
import { leadsOut } from "../../../lib/leads-out.ts";
import {
  type ContainerSpec,
  isBareVolume,
  type MountPoint,
  type MountSpec,
  RuntimeError,
  volumePlaces,
} from "../../index.ts";
import type { SettledMount } from "../parts.ts";

/** A volume that has to be there before the mount is complete; without a name, one has to be made up. */
export interface WantedVolume {
  readonly name?: string;
  readonly driver?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

export type MountDraft =
  | { readonly kind: "settled"; readonly mount: SettledMount }
  | {
      readonly kind: "volume";
      readonly volume: WantedVolume;
      readonly mount: Omit<SettledMount, "name" | "source">;
    };

/**
 * The mounts of a container by target: what the spec says, over what it takes from other containers, over the bare
 * volumes of image and spec. `invalid` for what cannot be mounted. Pure.
 */
export function draftMounts(
  spec: ContainerSpec,
  imageVolumes: readonly string[],
  inherited: readonly MountPoint[],
): readonly MountDraft[] {
  const byTarget = new Map<string, MountDraft>();
  for (const place of volumePlaces(imageVolumes, spec.mounts)) {
    const target = cleanTarget(place);
    const { volumeDriver: driver } = spec;
    byTarget.set(target, draftOf({ type: "volume", target, ...(driver === undefined ? {} : { driver }) }));
  }
  for (const mount of inherited)
    byTarget.set(mount.target, { kind: "settled", mount: inheritedMount(mount) });
  const own = new Set<string>();
  for (const mountSpec of (spec.mounts ?? []).filter((mount) => !isBareVolume(mount))) {
    const target = cleanTarget(mountSpec.target);
    if (own.has(target)) throw new RuntimeError("invalid", `Duplicate mount point: ${target}`);
    own.add(target);
    byTarget.set(target, draftOf({ ...mountSpec, target }));
  }
  return [...byTarget.values()];
}

function draftOf(spec: MountSpec): MountDraft {
  switch (spec.type) {
    case "bind":
      return { kind: "settled", mount: bindMount(spec) };
    case "tmpfs":
      return { kind: "settled", mount: tmpfsMount(spec) };
    case "volume":
      return { kind: "volume", volume: wantedVolume(spec), mount: volumeMount(spec) };
    case "image":
      return { kind: "settled", mount: imageMount(spec) };
  }
}

type Spec<Type extends MountSpec["type"]> = Extract<MountSpec, { readonly type: Type }>;

function bindMount(spec: Spec<"bind">): SettledMount {
  if (!posix.isAbsolute(spec.source))
    throw new RuntimeError(
      "invalid",
      `invalid mount config for type "bind": invalid mount path: '${spec.source}' mount path must be absolute`,
    );
  const isReadWrite = spec.readOnly !== true;
  if (isReadWrite && spec.mountedBelow !== undefined)
    throw new RuntimeError(
      "invalid",
      `invalid mount config for type "bind": '${spec.target}' must be read-only for what is mounted below it to be`,
    );
  return {
    ...COMMON,
    type: "bind",
    source: posix.normalize(spec.source).replace(/(.)\/$/, "$1"),
    target: spec.target,
    mode: isReadWrite ? "" : "ro",
    isReadWrite,
    propagation: spec.propagation ?? "rprivate",
    createHostPath: spec.createHostPath ?? true,
    options: [spec.nonRecursive === true ? "bind" : "rbind", ...belowOption(spec.mountedBelow)],
  };
}

/** Where it is mounted, and which image that is, the containers part knows. */
function imageMount({ source, target, subpath }: Spec<"image">): SettledMount {
  return {
    ...COMMON,
    type: "image",
    name: source,
    source: "",
    target,
    mode: "",
    isReadWrite: false,
    propagation: "rprivate",
    ...(subpath === undefined || subpath === "" ? {} : { subpath: checkedSubpath("image", subpath) }),
  };
}

function belowOption(mountedBelow: Spec<"bind">["mountedBelow"]): readonly string[] {
  if (mountedBelow === undefined) return [];
  return mountedBelow === "as-it-is" ? ["ro"] : ["rro"];
}

const NO_EXECUTION = ["noexec", "nosuid", "nodev"] as const;

/** Docker's defaults, unless an option says the contrary. */
function tmpfsMount(spec: Spec<"tmpfs">): SettledMount {
  const given = [
    ...(spec.options ?? []),
    ...(spec.readOnly === true ? ["ro"] : []),
    ...(spec.sizeBytes === undefined || spec.sizeBytes === 0 ? [] : [`size=${spec.sizeBytes}`]),
    ...(spec.mode === undefined ? [] : [`mode=${spec.mode.toString(8)}`]),
  ];
  const defaults = NO_EXECUTION.filter((option) => !given.includes(option.slice(2)));
  return {
    ...COMMON,
    type: "tmpfs",
    source: "",
    target: spec.target,
    mode: "",
    isReadWrite: !given.includes("ro"),
    options: [...new Set([...defaults, ...given])],
  };
}

function volumeMount(spec: Spec<"volume">): Omit<SettledMount, "name" | "source"> {
  const isReadWrite = spec.readOnly !== true;
  const isAnonymous = spec.source === undefined || spec.source === "";
  return {
    ...COMMON,
    type: "volume",
    target: spec.target,
    driver: spec.driver === undefined || spec.driver === "" ? "local" : spec.driver,
    mode: isReadWrite ? (isAnonymous ? "" : "z") : "ro",
    isReadWrite,
    isAnonymous,
    noCopy: spec.noCopy ?? false,
    ...(spec.subpath === undefined || spec.subpath === ""
      ? {}
      : { subpath: checkedSubpath("volume", spec.subpath) }),
  };
}

function wantedVolume({ source, driver, driverOptions, labels }: Spec<"volume">): WantedVolume {
  return {
    ...(source === undefined || source === "" ? {} : { name: source }),
    ...(driver === undefined || driver === "" ? {} : { driver }),
    ...(driverOptions === undefined ? {} : { options: driverOptions }),
    ...(labels === undefined ? {} : { labels }),
  };
}

const COMMON = {
  isAnonymous: false,
  noCopy: false,
  createHostPath: false,
  propagation: "",
  options: [],
} as const;

/** From another container's record: all it knows of the mount, but the volume is not this container's to remove. */
function inheritedMount(mount: MountPoint & Partial<SettledMount>): SettledMount {
  const isBind = mount.type === "bind";
  return {
    ...mount,
    isAnonymous: false,
    noCopy: true,
    createHostPath: mount.createHostPath ?? isBind,
    options: mount.options ?? (isBind ? ["rbind"] : []),
  };
}

function cleanTarget(target: string): string {
  if (!posix.isAbsolute(target))
    throw new RuntimeError("invalid", `invalid mount path: '${target}' mount path must be absolute`);
  const clean = posix.normalize(target).replace(/(.)\/$/, "$1");
  if (clean === "/") throw new RuntimeError("invalid", "invalid specification: destination can't be '/'");
  return clean;
}

function checkedSubpath(type: "volume" | "image", subpath: string): string {
  const clean = posix.normalize(subpath);
  if (posix.isAbsolute(clean) || leadsOut(clean))
    throw new RuntimeError(
      "invalid",
      `invalid mount config for type "${type}": subpath must be a relative path within the volume`,
    );
  return clean;
}
