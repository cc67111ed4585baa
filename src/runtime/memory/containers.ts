import type { ContainerStats, Containers, Filters, WaitResult } from "../index.ts";
import { RuntimeError } from "../index.ts";
import { readArchive, statPath, writeArchive } from "./archive.ts";
import { argvOf, infoOf, summaryOf } from "./container-view.ts";
import { createContainer } from "./create-container.ts";
import { createExec, inspectExec, startExec } from "./execs.ts";
import { matchesLabels, matchesText } from "./filters.ts";
import { addImage } from "./images.ts";
import { killContainer, startContainer, stopContainer } from "./lifecycle.ts";
import { dropContainer } from "./remove-container.ts";
import { attachTo, logsOf } from "./sessions.ts";
import { type ContainerRecord, containerEvent, findContainer, type Waiter, type World } from "./world.ts";

export function memoryContainers(world: World): Containers {
  const find = (id: string) => findContainer(world, id);
  return {
    create: async (spec, options = {}) => ({
      id: createContainer(world, spec, options.name).id,
      warnings: [],
    }),
    start: async (id) => startContainer(world, find(id)),
    stop: async (id, options) => stopContainer(world, find(id), options),
    kill: async (id, signal = "KILL") => {
      const record = find(id);
      killContainer(world, record, signal);
      if (record.process !== undefined && /^(SIG)?(KILL|9)$/i.test(signal)) await record.process.exited;
    },
    restart: async (id, options) => {
      const record = find(id);
      await stopContainer(world, record, options);
      startContainer(world, record);
      containerEvent(world, record, "restart");
    },
    pause: async (id) => pause(world, find(id)),
    unpause: async (id) => unpause(world, find(id)),
    rename: async (id, name) => rename(world, find(id), name),
    remove: async (id, options = {}) => remove(world, find(id), options),
    removeLink: async (linkName) => {
      find(linkName);
      throw new RuntimeError("conflict", "Conflict, cannot remove the default link name of the container");
    },
    wait: async (id, options = {}) => waitFor(find(id), options),
    inspect: async (id) => infoOf(world, find(id)),
    list: async (options = {}) => {
      const { all = false, limit, filters = {} } = options;
      const isAll = all || limit !== undefined || "status" in filters;
      const found = [...world.containers.values()]
        .reverse()
        .filter((record) => isAll || ["running", "paused", "restarting"].includes(record.status))
        .filter((record) => matches(world, record, filters))
        .map((record) => summaryOf(world, record));
      return limit === undefined ? found : found.slice(0, limit);
    },
    logs: (id, options = {}) => deferred(() => logsOf(find(id), options)),
    attach: async (id, options = {}) => attachTo(find(id), options),
    resize: async (id) => void find(id),
    createExec: async (id, spec) => createExec(world, find(id), spec).id,
    startExec: async (execId, options = {}) => startExec(world, execId, options.detach === true),
    inspectExec: async (execId) => inspectExec(world, execId),
    resizeExec: async (execId) => void inspectExec(world, execId),
    top: async (id) => {
      const record = find(id);
      if (record.process === undefined)
        throw new RuntimeError("conflict", `Container ${record.id} is not running`);
      const titles = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"];
      const command = argvOf(record).join(" ");
      return {
        titles,
        processes: [["root", String(record.pid), "1", "0", "00:00", "?", "00:00:00", command]],
      };
    },
    stats: (id, options = {}) => stats(world, find(id), options),
    changes: async (id) => {
      find(id);
      return [];
    },
    export: async (id) => readArchive(find(id), "/"),
    statPath: async (id, path) => statPath(find(id), path),
    readArchive: async (id, path) => {
      const record = find(id);
      return { stat: statPath(record, path), archive: readArchive(record, path) };
    },
    writeArchive: async (id, path, archive) => writeArchive(find(id), path, archive),
    update: async (id, change) => {
      const record = find(id);
      const { resources, restartPolicy } = change;
      record.spec = {
        ...record.spec,
        ...(resources === undefined ? {} : { resources: { ...record.spec.resources, ...resources } }),
        ...(restartPolicy === undefined ? {} : { restartPolicy }),
      };
      containerEvent(world, record, "update");
      return { warnings: [] };
    },
    commit: async (id, options = {}) => {
      const record = find(id);
      const { image } = record;
      const made = addImage(world, options.reference, {
        config: image.config,
        parentId: image.id,
        comment: options.message ?? "",
      });
      for (const [path, file] of record.files.root.files) made.files.write(path, file);
      containerEvent(world, record, "commit", { imageID: made.id });
      return { imageId: made.id };
    },
    prune: async (filters = {}) => {
      const stopped = [...world.containers.values()].filter(
        (record) => ["created", "exited", "dead"].includes(record.status) && matches(world, record, filters),
      );
      for (const record of stopped) dropContainer(world, record, false);
      return { removed: stopped.map(({ id }) => id), reclaimedBytes: 0 };
    },
  };
}

/** So that a missing container is the iteration's rejection, as with the other adapters. */
async function* deferred<T>(make: () => AsyncIterable<T>): AsyncGenerator<T> {
  yield* make();
}

function pause(world: World, record: ContainerRecord): void {
  if (record.status !== "running")
    throw new RuntimeError("conflict", `Container ${record.id} is not running`);
  record.status = "paused";
  containerEvent(world, record, "pause");
}

function unpause(world: World, record: ContainerRecord): void {
  if (record.status !== "paused") throw new RuntimeError("conflict", `Container ${record.id} is not paused`);
  record.status = "running";
  containerEvent(world, record, "unpause");
}

function rename(world: World, record: ContainerRecord, name: string): void {
  const oldName = record.name;
  if (name === oldName)
    throw new RuntimeError("invalid", "Renaming a container with the same name as its current name");
  const owner = [...world.containers.values()].find((other) => other.name === name);
  if (owner !== undefined)
    throw new RuntimeError(
      "already-exists",
      `Conflict. The container name "/${name}" is already in use by container "${owner.id}"`,
    );
  record.name = name;
  containerEvent(world, record, "rename", { oldName });
}

async function remove(
  world: World,
  record: ContainerRecord,
  options: { readonly force?: boolean; readonly volumes?: boolean },
): Promise<void> {
  const isRunning = record.process !== undefined || record.status === "restarting";
  if (isRunning && options.force !== true)
    throw new RuntimeError(
      "conflict",
      `cannot remove container "/${record.name}": container is ${record.status}: stop the container before removing or force remove`,
    );
  if (record.process !== undefined) {
    const { exited } = record.process;
    killContainer(world, record, "KILL");
    await exited;
  }
  if (world.containers.has(record.id)) dropContainer(world, record, options.volumes === true);
}

function waitFor(
  record: ContainerRecord,
  options: Parameters<Containers["wait"]>[1] = {},
): Promise<WaitResult> {
  const { condition = "not-running", signal, onArmed } = options;
  const isOver =
    condition === "not-running" && record.process === undefined && record.status !== "restarting";
  if (isOver) {
    onArmed?.();
    return Promise.resolve({ exitCode: record.exitCode });
  }
  return new Promise((resolve, reject) => {
    const finish = (exitCode: number) => {
      record.waiters.delete(waiter);
      signal?.removeEventListener("abort", onAbort);
      resolve({ exitCode });
    };
    const onAbort = () => {
      record.waiters.delete(waiter);
      reject(new RuntimeError("cancelled", "The wait was cancelled"));
    };
    const waiter: Waiter = {
      exited: (code) => {
        if (condition !== "removed") finish(code);
      },
      removed: finish,
    };
    if (signal?.aborted) return onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    record.waiters.add(waiter);
    onArmed?.();
  });
}

async function* stats(
  world: World,
  record: ContainerRecord,
  options: { readonly stream?: boolean; readonly signal?: AbortSignal },
): AsyncGenerator<ContainerStats> {
  for (;;) {
    const isRunning = record.process !== undefined;
    yield {
      readAt: new Date(world.clock.now()),
      pids: isRunning ? 1 : 0,
      cpu: {
        totalNs: 0,
        kernelNs: 0,
        userNs: 0,
        systemNs: 0,
        onlineCpus: 1,
        throttling: { periods: 0, throttledPeriods: 0, throttledNs: 0 },
      },
      memory: {
        usageBytes: isRunning ? 1 : 0,
        limitBytes: record.spec.resources?.memoryBytes ?? 0,
        stats: {},
      },
      blockIo: [],
      networks: {},
    };
    if (options.stream !== true) return;
    try {
      await world.clock.sleep(1000, options.signal);
    } catch {
      return;
    }
  }
}

function matches(world: World, record: ContainerRecord, filters: Filters): boolean {
  return Object.entries(filters).every(([key, values]) => hits(world, record, key, values));
}

function hits(world: World, record: ContainerRecord, key: string, values: readonly string[]): boolean {
  switch (key) {
    case "id":
      return values.some((value) => record.id.startsWith(value));
    case "name":
      return matchesText(
        record.name,
        values.map((value) => value.replace(/^\^?\//, "^")),
      );
    case "label":
      return matchesLabels({ ...record.image.config.labels, ...record.spec.labels }, values);
    case "status":
      return values.includes(record.status);
    case "health":
      return values.includes(record.health?.status ?? "none");
    case "exited":
      return record.status === "exited" && values.includes(String(record.exitCode));
    case "ancestor":
      return values.some((value) => record.spec.image === value || record.image.id.startsWith(value));
    case "network":
      return [...record.endpoints.keys()].some((id) =>
        values.some((value) => id.startsWith(value) || world.networks.get(id)?.info.name === value),
      );
    case "volume":
      return record.mounts.some(({ name, target }) =>
        values.some((value) => value === name || value === target),
      );
    case "publish":
    case "expose":
      return record.ports.some((port) =>
        values.some(
          (value) => value.split("/")[0] === String(key === "publish" ? port.hostPort : port.containerPort),
        ),
      );
    case "is-task":
      return values.includes("false");
    default:
      throw new RuntimeError("invalid", `invalid filter '${key}'`);
  }
}
