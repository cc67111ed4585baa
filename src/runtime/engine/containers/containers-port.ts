import type { Containers } from "../../index.ts";
import { readArchive, statPath } from "./archive.ts";
import { attachTo } from "./attach.ts";
import { commitContainer } from "./commit.ts";
import type { ContainersContext } from "./context.ts";
import { createContainer } from "./create.ts";
import { createExec, findExec, resizeExec, startExec } from "./exec.ts";
import { changesOf, exportContainer } from "./files-out.ts";
import { killContainer } from "./kill.ts";
import { listContainers, sizesOf } from "./list.ts";
import { readLogs } from "./logs.ts";
import { pauseContainer, unpauseContainer } from "./pause.ts";
import { pruneContainers } from "./prune.ts";
import { removeContainer } from "./remove.ts";
import { removeLink } from "./remove-link.ts";
import { renameContainer } from "./rename.ts";
import { resizeContainer } from "./resize.ts";
import { restartContainer } from "./restart.ts";
import { startContainer } from "./start.ts";
import { statsOf } from "./stats.ts";
import { stopContainer } from "./stop.ts";
import { topOf } from "./top.ts";
import { updateContainer } from "./update.ts";
import { infoOf } from "./view.ts";
import { waitForContainer } from "./wait.ts";
import { writeArchive } from "./write-archive.ts";

/** The port's containers: each call is handed to the operation that does it. */
export function containersPort(ctx: ContainersContext): Containers {
  return {
    create: (spec, options) => createContainer(ctx, spec, options),
    start: (id) => startContainer(ctx, id),
    stop: (id, options) => stopContainer(ctx, id, options),
    kill: (id, signal) => killContainer(ctx, id, signal),
    restart: (id, options) => restartContainer(ctx, id, options),
    pause: (id) => pauseContainer(ctx, id),
    unpause: (id) => unpauseContainer(ctx, id),
    rename: (id, name) => renameContainer(ctx, id, name),
    remove: (id, options) => removeContainer(ctx, id, options),
    removeLink: (linkName) => removeLink(ctx, linkName),
    wait: (id, options) => waitForContainer(ctx, id, options),
    inspect: async (id, { size = false } = {}) => {
      const container = ctx.table.find(id);
      const info = infoOf(ctx, container);
      return size ? { ...info, sizes: await sizesOf(ctx, container) } : info;
    },
    list: (options) => listContainers(ctx, options),
    logs: (id, options) => readLogs(ctx, id, options),
    attach: (id, options) => attachTo(ctx, id, options),
    resize: (id, size) => resizeContainer(ctx, id, size),
    createExec: async (id, spec) => createExec(ctx, id, spec),
    startExec: (id, options) => startExec(ctx, id, options),
    inspectExec: async (id) => findExec(ctx, id).info(),
    resizeExec: async (id, size) => resizeExec(ctx, id, size),
    top: (id, args) => topOf(ctx, id, args),
    stats: (id, options) => statsOf(ctx, id, options),
    changes: (id) => changesOf(ctx, id),
    export: (id) => exportContainer(ctx, id),
    statPath: (id, path) => statPath(ctx, id, path),
    readArchive: (id, path) => readArchive(ctx, id, path),
    writeArchive: (id, path, archive, options) => writeArchive(ctx, id, path, archive, options),
    update: (id, change) => updateContainer(ctx, id, change),
    commit: (id, options) => commitContainer(ctx, id, options),
    prune: (filters) => pruneContainers(ctx, filters),
  };
}
