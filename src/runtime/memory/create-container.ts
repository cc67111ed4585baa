import { posix } from "node:path";
import type { ContainerSpec, MountPoint, MountSpec } from "../index.ts";
import { isBareVolume, RuntimeError, volumePlaces } from "../index.ts";
import { ContainerFiles, type FileMount, FileTree } from "./files.ts";
import { createVolume } from "./volumes.ts";
import {
  type ContainerRecord,
  containerEvent,
  type EndpointRecord,
  findContainer,
  findImage,
  findNetwork,
  type World,
} from "./world.ts";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

export function createContainer(
  world: World,
  spec: ContainerSpec,
  name: string | undefined,
): ContainerRecord {
  const chosen = name ?? `container_${world.newId().slice(0, 8)}`;
  check(world, spec, chosen);
  const image = findImage(world, spec.image);
  const endpoints = endpointsOf(world, spec);
  const id = world.newId();
  const root = new FileTree();
  for (const folder of image.files.folders) root.makeFolder(folder);
  for (const [path, file] of image.files.files) root.files.set(path, file);
  const { points, mounts } = mountsOf(world, spec, image.config.volumes ?? [], root);
  const record: ContainerRecord = {
    id,
    name: chosen,
    spec,
    image,
    createdAtMs: world.clock.now(),
    files: new ContainerFiles(root, mounts, spec.readOnlyRootfs === true),
    mounts: points,
    endpoints,
    log: [],
    listeners: new Set(),
    waiters: new Set(),
    execIds: [],
    status: "created",
    pid: 0,
    exitCode: 0,
    error: "",
    wasStoppedManually: false,
    restartCount: 0,
    backoffMs: 100,
    ports: [],
    run: new AbortController(),
  };
  world.containers.set(id, record);
  containerEvent(world, record, "create");
  return record;
}

function check(world: World, spec: ContainerSpec, name: string): void {
  if (!NAME.test(name))
    throw new RuntimeError(
      "invalid",
      `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  const owner = [...world.containers.values()].find((record) => record.name === name);
  if (owner !== undefined)
    throw new RuntimeError(
      "already-exists",
      `Conflict. The container name "/${name}" is already in use by container "${owner.id}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
  const policy = spec.restartPolicy?.name ?? "no";
  if (spec.autoRemove === true && policy !== "no")
    throw new RuntimeError("invalid", "can't create 'AutoRemove' container with restart policy");
}

function endpointsOf(world: World, spec: ContainerSpec): Map<string, EndpointRecord> {
  const mode = spec.networkMode ?? "bridge";
  const found = new Map<string, EndpointRecord>();
  if (mode.startsWith("container:")) {
    findContainer(world, mode.slice("container:".length));
    return found;
  }
  const names = new Set([...(mode === "default" ? ["bridge"] : [mode]), ...Object.keys(spec.networks ?? {})]);
  for (const name of names) {
    const { info } = findNetwork(world, name);
    found.set(info.id, { networkId: info.id, spec: spec.networks?.[name] ?? {} });
  }
  return found;
}

function mountsOf(world: World, spec: ContainerSpec, imageVolumes: readonly string[], root: FileTree) {
  const wanted: MountSpec[] = (spec.mounts ?? []).filter((mount) => !isBareVolume(mount));
  for (const entry of spec.volumesFrom ?? []) {
    const [name = "", mode] = entry.split(":");
    for (const point of findContainer(world, name).mounts) {
      if (wanted.some((mount) => mount.target === point.target) || point.type === "tmpfs") continue;
      wanted.push({
        type: point.type === "bind" ? "bind" : "volume",
        source: point.name ?? point.source,
        target: point.target,
        readOnly: mode === "ro" || !point.isReadWrite,
      });
    }
  }
  for (const target of volumePlaces(imageVolumes, spec.mounts))
    if (!wanted.some((mount) => posix.normalize(mount.target) === posix.normalize(target)))
      wanted.push({ type: "volume", target });
  const pairs = wanted.map((mount) => mountOf(world, mount, root));
  return { points: pairs.map(({ point }) => point), mounts: pairs.map(({ mount }) => mount) };
}

function mountOf(world: World, spec: MountSpec, root: FileTree): { point: MountPoint; mount: FileMount } {
  const { target } = spec;
  if (!posix.isAbsolute(target))
    throw new RuntimeError("invalid", `invalid mount path: '${target}' mount path must be absolute`);
  const isReadOnly = spec.type === "image" || ("readOnly" in spec && spec.readOnly === true);
  const base = { target, mode: isReadOnly ? "ro" : "", isReadWrite: !isReadOnly, propagation: "" };
  if (spec.type === "tmpfs")
    return {
      point: { ...base, type: "tmpfs", source: "" },
      mount: { target, tree: new FileTree(), prefix: "/", isReadOnly },
    };
  if (spec.type === "image") {
    const image = findImage(world, spec.source);
    return {
      point: { ...base, type: "image", source: spec.source },
      mount: { target, tree: image.files, prefix: spec.subpath ?? "/", isReadOnly },
    };
  }
  if (spec.type === "bind") return bindOf(world, spec, base, isReadOnly);
  return volumeOf(world, spec, base, isReadOnly, root);
}

type Base = Pick<MountPoint, "target" | "mode" | "isReadWrite" | "propagation">;

function bindOf(
  world: World,
  spec: Extract<MountSpec, { type: "bind" }>,
  base: Base,
  isReadOnly: boolean,
): { point: MountPoint; mount: FileMount } {
  const { source, target } = spec;
  if (!posix.isAbsolute(source))
    throw new RuntimeError("invalid", `invalid bind source: '${source}' must be absolute`);
  const exists = world.host.files.has(source) || world.host.folders.has(source);
  if (!exists && spec.createHostPath === false)
    throw new RuntimeError(
      "invalid",
      `invalid mount config for type "bind": bind source path does not exist: ${source}`,
    );
  if (!exists) world.host.makeFolder(source);
  return {
    point: { ...base, type: "bind", source, propagation: spec.propagation ?? "rprivate" },
    mount: { target, tree: world.host, prefix: source, isReadOnly },
  };
}

function volumeOf(
  world: World,
  spec: Extract<MountSpec, { type: "volume" }>,
  base: Base,
  isReadOnly: boolean,
  root: FileTree,
): { point: MountPoint; mount: FileMount } {
  const volume = createVolume(world, {
    ...(spec.source === undefined ? {} : { name: spec.source }),
    ...(spec.driver === undefined ? {} : { driver: spec.driver }),
    ...(spec.labels === undefined ? {} : { labels: spec.labels }),
  });
  const isEmpty = volume.files.files.size === 0;
  if (isEmpty && spec.noCopy !== true)
    for (const [path, file] of root.below(spec.target)) volume.files.write(`/${path}`, file);
  const { name, mountpoint, driver } = volume.info;
  return {
    point: { ...base, type: "volume", name, source: mountpoint, driver, mode: isReadOnly ? "ro" : "z" },
    mount: { target: spec.target, tree: volume.files, prefix: spec.subpath ?? "/", isReadOnly },
  };
}
