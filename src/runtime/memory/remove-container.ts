import { type ContainerRecord, containerEvent, type World } from "./world.ts";

/** Forgets a container that does not run; with `volumes`, its anonymous volumes that nobody else uses too. */
export function dropContainer(world: World, record: ContainerRecord, volumes: boolean): void {
  record.run.abort();
  world.containers.delete(record.id);
  for (const id of record.execIds) world.execs.delete(id);
  if (volumes) for (const name of anonymousVolumesOf(world, record)) dropVolume(world, name);
  containerEvent(world, record, "destroy");
  for (const waiter of [...record.waiters]) waiter.removed(record.exitCode);
}

function anonymousVolumesOf(world: World, record: ContainerRecord): readonly string[] {
  return record.mounts.flatMap(({ type, name }) =>
    type === "volume" && name !== undefined && world.volumes.get(name)?.info.isAnonymous === true
      ? [name]
      : [],
  );
}

function dropVolume(world: World, name: string): void {
  if (usersOfVolume(world, name).length > 0) return;
  world.volumes.delete(name);
  world.events.publish("volume", "destroy", name, { driver: "local" });
}

export function usersOfVolume(world: World, name: string): readonly ContainerRecord[] {
  return [...world.containers.values()].filter((record) =>
    record.mounts.some((mount) => mount.type === "volume" && mount.name === name),
  );
}
