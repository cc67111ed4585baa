import { stableJson } from "../../lib/stable-json.ts";
import type { Filters, VolumeInfo, VolumeSpec, Volumes } from "../index.ts";
import { RuntimeError } from "../index.ts";
import { FileTree } from "./files.ts";
import { matchesLabels, matchesText, truth } from "./filters.ts";
import { usersOfVolume } from "./remove-container.ts";
import type { VolumeRecord, World } from "./world.ts";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

export function createVolume(world: World, spec: VolumeSpec): VolumeRecord {
  const { driver = "local", options = {}, labels = {} } = spec;
  const existing = spec.name === undefined ? undefined : world.volumes.get(spec.name);
  if (existing !== undefined) {
    const isSame =
      existing.info.driver === driver && stableJson(existing.info.options) === stableJson(options);
    if (!isSame && (spec.options !== undefined || spec.driver !== undefined))
      throw new RuntimeError("conflict", `A volume named ${spec.name} exists with other options`);
    return existing;
  }
  if (driver !== "local") throw new RuntimeError("not-found", `plugin "${driver}" not found`);
  if (spec.name !== undefined && !NAME.test(spec.name))
    throw new RuntimeError("invalid", `create ${spec.name}: "${spec.name}" includes invalid characters`);
  const name = spec.name ?? world.newId();
  const info = {
    name,
    driver,
    options,
    labels: spec.name === undefined ? { ...labels, "com.docker.volume.anonymous": "" } : labels,
    mountpoint: `/memory/volumes/${name}`,
    createdAt: new Date(world.clock.now()),
    isAnonymous: spec.name === undefined,
  };
  const record = { info, files: new FileTree() };
  world.volumes.set(name, record);
  world.events.publish("volume", "create", name, { driver });
  return record;
}

export function memoryVolumes(world: World): Volumes {
  const find = (name: string): VolumeRecord => {
    const record = world.volumes.get(name);
    if (record === undefined) throw new RuntimeError("not-found", `get ${name}: no such volume`);
    return record;
  };
  const drop = (name: string) => {
    world.volumes.delete(name);
    world.events.publish("volume", "destroy", name, { driver: "local" });
  };
  return {
    create: async (spec) => createVolume(world, spec).info,
    inspect: async (name) => find(name).info,
    list: async (filters = {}) =>
      [...world.volumes.values()].map(({ info }) => info).filter((info) => matches(world, info, filters)),
    remove: async (name, options = {}) => {
      if (options.force === true && !world.volumes.has(name)) return;
      find(name);
      const [user] = usersOfVolume(world, name);
      if (user !== undefined)
        throw new RuntimeError("conflict", `remove ${name}: volume is in use - [${user.id}]`);
      drop(name);
    },
    prune: async (filters = {}) => {
      const { all, ...rest } = filters;
      const removed = [...world.volumes.values()]
        .map(({ info }) => info)
        .filter((info) => info.isAnonymous || truth(all))
        .filter(({ options }) => Object.keys(options).length === 0)
        .filter((info) => usersOfVolume(world, info.name).length === 0 && matches(world, info, rest))
        .map((info) => info.name);
      removed.forEach(drop);
      return { removed, reclaimedBytes: 0 };
    },
  };
}

function matches(world: World, info: VolumeInfo, filters: Filters): boolean {
  return Object.entries(filters).every(([key, values]) => {
    if (key === "name") return matchesText(info.name, values);
    if (key === "label") return matchesLabels(info.labels, values);
    if (key === "label!") return !matchesLabels(info.labels, values);
    if (key === "driver") return values.includes(info.driver);
    if (key === "dangling") return (usersOfVolume(world, info.name).length === 0) === truth(values);
    throw new RuntimeError("invalid", `invalid filter '${key}'`);
  });
}
