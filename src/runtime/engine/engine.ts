import { readFile } from "node:fs/promises";
import { cpus, hostname, release, totalmem } from "node:os";
import packageJson from "../../../package.json" with { type: "json" };
import { type Log, silentLog } from "../../lib/log.ts";
import { type ContainerRuntime, RuntimeError, type RuntimeInfo } from "../index.ts";
import { announcedBuild, announcedImages, announcedNetworks, announcedPrune } from "./announced.ts";
import { openBuilder } from "./build/index.ts";
import { type CloseOptions, type ContainerPart, loadContainers, openContainers } from "./containers/index.ts";
import { diskLayout } from "./disk-layout.ts";
import { EventBus } from "./event-bus.ts";
import { openLinuxHost } from "./host/index.ts";
import type { Host } from "./host.ts";
import {
  checkStore,
  layersBytes,
  openImages,
  type RegistrySettings,
  type StoreProblem,
} from "./images/index.ts";
import { openNetworks } from "./networks/index.ts";
import { closeFolders } from "./private-folders.ts";
import { openRootfs } from "./rootfs/index.ts";
import { toRuntimeError, withRuntimeErrors } from "./runtime-errors.ts";
import { openVolumes } from "./volumes/index.ts";

export interface EngineOptions {
  /** State that survives a reboot; made when missing. */
  readonly rootDir: string;
  /** Sockets, pid files, mounts. */
  readonly runDir: string;
  readonly log?: Log;
  readonly registries?: RegistrySettings;
}

/** The port, and what only an engine with a store of its own can do. */
export interface Engine extends ContainerRuntime {
  /** Reads the whole image store and compares it with its digests; changes nothing. */
  checkStore(): Promise<readonly StoreProblem[]>;
  close(options?: CloseOptions): Promise<void>;
}

/**
 * The embedded engine below two folders. Adopts the containers that an earlier one left running, settles those
 * that ended meanwhile, and brings back those whose policy wants it. One engine to a root at a time: the caller
 * holds a lock. `unavailable` when a program it needs is missing.
 */
export async function openEngine({
  rootDir,
  runDir,
  log = silentLog,
  registries = {},
}: EngineOptions): Promise<Engine> {
  if (process.getuid?.() !== 0)
    throw new RuntimeError("forbidden", "Cannot open the engine: it needs root to make containers");
  const host = await openLinuxHost();
  try {
    return await openParts(host, { rootDir, runDir, log, registries });
  } catch (error) {
    await host.close();
    throw toRuntimeError(error);
  }
}

async function openParts(host: Host, options: Required<EngineOptions>): Promise<Engine> {
  const { rootDir, runDir, log, registries } = options;
  const layout = diskLayout(rootDir, runDir);
  await closeFolders(layout);
  const events = new EventBus();
  const onDisk = await loadContainers(layout, log);
  const [images, rootfs, networks, volumes] = await Promise.all([
    openImages({ layout, host, users: onDisk.users, log, registries }),
    openRootfs({ layout, host }),
    openNetworks({ layout, host, log }),
    openVolumes({ layout, host, users: onDisk.users, events, log }),
  ]);
  const containers = await openContainers({
    ...{ layout, host, log, events, onDisk },
    ...{ images, rootfs, networks, volumes },
  });
  const builder = await openBuilder({
    layout,
    host,
    images,
    run: (request) => containers.runOnce(request),
    log,
  });
  await containers.adopt();
  await images.recover();
  await rootfs.recover(onDisk.ids);
  await networks.recover(containers.live());
  await volumes.recover();
  await containers.settle();
  return {
    containers: withRuntimeErrors(containers.port),
    images: withRuntimeErrors({
      ...announcedImages(images.port, events),
      build: announcedBuild(builder.build, images.port, events),
      buildFiles: (options, take) => builder.buildFiles(options, take),
    }),
    networks: withRuntimeErrors({
      ...announcedNetworks(networks.port, events),
      connect: (network, container, endpoint) => containers.connect(network, container, endpoint),
      disconnect: (network, container, how) => containers.disconnect(network, container, how),
    }),
    volumes: withRuntimeErrors(volumes.port),
    info: async () => ({
      ...(await machineInfo()),
      id: layout.instance,
      rootDir,
      containers: containers.counts(),
      images: (await images.port.list({ all: true })).length,
      ...runtimeFacts(containers),
      registryMirrors: registries.mirrors ?? [],
      insecureRegistries: ["127.0.0.0/8", ...(registries.insecure ?? [])],
    }),
    diskUsage: async () => ({ layersBytes: layersBytes(images), buildCache: await builder.usage() }),
    pruneBuildCache: announcedPrune(builder.prune, events),
    events: (options, signal) => events.read(options, signal),
    checkStore: () => checkStore(images.context),
    close: async (how) => {
      await containers.close(how);
      await networks.close();
      await host.close();
    },
  };
}

type MachineInfo = Pick<
  RuntimeInfo,
  "name" | "version" | "hostname" | "kernelVersion" | "operatingSystem" | "os" | "cpus" | "memoryBytes"
>;

async function machineInfo(): Promise<MachineInfo> {
  const osRelease = await readFile("/etc/os-release", "utf8").catch(() => "");
  return {
    name: "stowage",
    version: packageJson.version,
    hostname: hostname(),
    kernelVersion: release(),
    operatingSystem: /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease)?.[1] ?? "Linux",
    os: "linux",
    cpus: cpus().length,
    memoryBytes: totalmem(),
  };
}

function runtimeFacts({ oci, machine, initPath }: ContainerPart) {
  return {
    architecture: machine.architecture,
    cgroupVersion: machine.cgroupVersion,
    cgroupDriver: "cgroupfs",
    storageDriver: "overlay2",
    ociRuntime: oci.name,
    ociRuntimeVersion: oci.version,
    securityOptions: [
      ...(machine.hasAppArmor ? ["name=apparmor"] : []),
      "name=seccomp,profile=builtin",
      ...(machine.cgroupVersion === "2" ? ["name=cgroupns"] : []),
    ],
    warnings:
      initPath === undefined ? ["No init program was found: install tini for containers with init"] : [],
  };
}
