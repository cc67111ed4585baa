import { type Clock, MAX_TIMER_MS, systemClock } from "../../lib/clock.ts";
import type { ContainerRuntime } from "../index.ts";
import { memoryContainers } from "./containers.ts";
import { EventLog } from "./event-log.ts";
import { FileTree } from "./files.ts";
import { addImage, type ImageOptions, memoryImages, type Registry } from "./images.ts";
import { addPredefinedNetworks, memoryNetworks } from "./networks.ts";
import type { Program } from "./process.ts";
import { programOf } from "./shell.ts";
import { memoryVolumes } from "./volumes.ts";
import { idMaker, type ProgramChoice, type World } from "./world.ts";

export interface MemoryRuntimeOptions {
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Makes ids; the same seed gives the same ids. */
  readonly seed?: string;
  /** Present from the start, by reference. */
  readonly images?: Readonly<Record<string, ImageOptions>>;
  /** What can be pulled. Default: every reference, as an image without content. */
  readonly registry?: Registry;
  /**
   * What a command does; undefined: it does not exist. Default: the words of the little shell, and a program
   * that runs until SIGTERM for an image whose command is not known.
   */
  readonly programFor?: ProgramChoice;
  /** Host ports that other programs hold, `tcp/80`. */
  readonly takenPorts?: readonly string[];
}

/** A runtime without a machine: for tests, and for showing what would happen. */
export interface MemoryRuntime extends ContainerRuntime {
  /** Puts an image there as if it had been pulled; resolves to its id. */
  addImage(reference: string, options?: ImageOptions): string;
  /** Text of a file of the machine, where binds lead. */
  writeHostFile(path: string, text: string): void;
}

export function openMemoryRuntime(options: MemoryRuntimeOptions = {}): MemoryRuntime {
  const { clock = systemClock, seed = "memory" } = options;
  const newId = idMaker(seed);
  let lastPid = 1000;
  const world: World = {
    clock,
    events: new EventLog(clock),
    containers: new Map(),
    images: new Map(),
    networks: new Map(),
    volumes: new Map(),
    execs: new Map(),
    host: new FileTree(),
    takenPorts: new Set(options.takenPorts),
    programFor:
      options.programFor ?? ((argv) => programOf(argv) ?? (argv.length === 0 ? untilTerm : undefined)),
    newId,
    newPid: () => {
      lastPid += 1;
      return lastPid;
    },
  };
  addPredefinedNetworks(world);
  for (const [reference, image] of Object.entries(options.images ?? {})) addImage(world, reference, image);
  return {
    containers: memoryContainers(world),
    images: memoryImages(world, options.registry ?? (() => ({}))),
    networks: memoryNetworks(world),
    volumes: memoryVolumes(world),
    events: (eventOptions, signal) => world.events.read(eventOptions, signal),
    info: async () => infoOf(world, seed),
    diskUsage: async () => ({ layersBytes: 0, buildCache: [] }),
    pruneBuildCache: async () => ({ removed: [], reclaimedBytes: 0 }),
    close: async () => closeWorld(world),
    addImage: (reference, image = {}) => addImage(world, reference, image).id,
    writeHostFile: (path, text) =>
      world.host.write(path, {
        data: Buffer.from(text),
        mode: 0o644,
        uid: 0,
        gid: 0,
        modifiedAtMs: clock.now(),
      }),
  };
}

/** A server, as far as its life goes: it runs until somebody ends it. */
export const untilTerm: Program = async (context) => {
  for (const name of ["TERM", "INT", "QUIT"]) context.onSignal(name, () => context.exit(0));
  for (;;) await context.sleep(MAX_TIMER_MS);
};

/** Nobody outlives it: the simulated processes end, without events of a restart. */
function closeWorld(world: World): void {
  for (const record of world.containers.values()) {
    record.wasStoppedManually = true;
    record.run.abort();
    record.process?.signal("KILL");
  }
}

function infoOf(world: World, seed: string) {
  const all = [...world.containers.values()];
  const count = (status: string) => all.filter((record) => record.status === status).length;
  return {
    id: `memory-${seed}`,
    name: "memory",
    version: "1",
    rootDir: "/memory",
    hostname: "memory",
    kernelVersion: "",
    operatingSystem: "memory",
    os: "linux",
    architecture: "amd64",
    cpus: 1,
    memoryBytes: 2 ** 30,
    cgroupVersion: "2" as const,
    cgroupDriver: "none",
    storageDriver: "memory",
    ociRuntime: "memory",
    ociRuntimeVersion: "1",
    containers: {
      running: count("running"),
      paused: count("paused"),
      stopped: all.length - count("running") - count("paused"),
    },
    images: world.images.size,
    securityOptions: [],
    registryMirrors: [],
    insecureRegistries: [],
    warnings: [],
  };
}
