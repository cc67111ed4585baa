import { compact } from "../../../lib/compact.ts";
import type { Resources } from "../../index.ts";
import type { OciDeviceRule, OciResources } from "./types.ts";

/** Major and minor numbers of the block devices that rates and weights name, by host path. */
export type DeviceNumbers = ReadonlyMap<string, { readonly major: number; readonly minor: number }>;

/** Docker's period for `--cpus`, microseconds. */
const CPU_PERIOD_US = 100_000;

/** Limits as the OCI runtime takes them; what is not limited is left out. */
export function ociResources(resources: Resources, numbers: DeviceNumbers = new Map()): OciResources {
  return compact<OciResources>({
    memory: memory(resources),
    cpu: cpu(resources),
    pids: pids(resources.pidsLimit),
    blockIO: blockIo(resources, numbers),
  });
}

type Section<K extends keyof OciResources> = NonNullable<OciResources[K]>;

function memory(resources: Resources): OciResources["memory"] {
  const { memoryBytes, memorySwapBytes, memorySwappiness } = resources;
  const limit = positive(memoryBytes);
  return section<Section<"memory">>({
    limit,
    reservation: positive(resources.memoryReservationBytes),
    // Docker: memory without a word about swap means as much swap again.
    swap: nonZero(memorySwapBytes) ?? (limit === undefined ? undefined : limit * 2),
    swappiness: memorySwappiness === undefined || memorySwappiness < 0 ? undefined : memorySwappiness,
    disableOOMKiller: resources.oomKillDisable === true ? true : undefined,
  });
}

function cpu(resources: Resources): OciResources["cpu"] {
  const nano = positive(resources.nanoCpus);
  return section<Section<"cpu">>({
    shares: positive(resources.cpuShares),
    quota: nano === undefined ? nonZero(resources.cpuQuotaUs) : Math.round((nano * CPU_PERIOD_US) / 1e9),
    period: nano === undefined ? positive(resources.cpuPeriodUs) : CPU_PERIOD_US,
    realtimeRuntime: positive(resources.cpuRealtimeRuntimeUs),
    realtimePeriod: positive(resources.cpuRealtimePeriodUs),
    cpus: resources.cpusetCpus === "" ? undefined : resources.cpusetCpus,
    mems: resources.cpusetMems === "" ? undefined : resources.cpusetMems,
  });
}

function pids(limit: number | undefined): OciResources["pids"] {
  return limit === undefined || limit <= 0 ? undefined : { limit };
}

function blockIo(resources: Resources, numbers: DeviceNumbers): OciResources["blockIO"] {
  const located = <T extends { readonly path: string }>(list: readonly T[] | undefined) =>
    (list ?? []).flatMap((entry) => {
      const device = numbers.get(entry.path);
      return device === undefined ? [] : [{ entry, device }];
    });
  const rates = (list: Resources["blkioReadBps"]) =>
    emptyList(located(list).map(({ entry, device }) => ({ ...device, rate: entry.rate })));
  return section<Section<"blockIO">>({
    weight: positive(resources.blkioWeight),
    weightDevice: emptyList(
      located(resources.blkioWeightDevices).map(({ entry, device }) => ({ ...device, weight: entry.weight })),
    ),
    throttleReadBpsDevice: rates(resources.blkioReadBps),
    throttleWriteBpsDevice: rates(resources.blkioWriteBps),
    throttleReadIOPSDevice: rates(resources.blkioReadIops),
    throttleWriteIOPSDevice: rates(resources.blkioWriteIops),
  });
}

/** Every block device path that the limits name. */
export function devicesOfResources(resources: Resources): readonly string[] {
  const { blkioWeightDevices, blkioReadBps, blkioWriteBps, blkioReadIops, blkioWriteIops } = resources;
  const lists = [blkioWeightDevices, blkioReadBps, blkioWriteBps, blkioReadIops, blkioWriteIops];
  return [...new Set(lists.flatMap((list) => (list ?? []).map(({ path }) => path)))];
}

const rule = (major: number, minor: number): OciDeviceRule => ({
  allow: true,
  type: "c",
  major,
  minor,
  access: "rwm",
});

/** Docker's device cgroup: nothing, but zero, null, urandom, random, tty and console; never fuse by itself. */
export const DEFAULT_DEVICE_RULES: readonly OciDeviceRule[] = [
  { allow: false, access: "rwm" },
  rule(1, 5),
  rule(1, 3),
  rule(1, 9),
  rule(1, 8),
  rule(5, 0),
  rule(5, 1),
  { ...rule(10, 229), allow: false },
];

const positive = (value: number | undefined) => (value !== undefined && value > 0 ? value : undefined);
const nonZero = (value: number | undefined) => (value === 0 ? undefined : value);
const emptyList = <T>(list: readonly T[]) => (list.length === 0 ? undefined : list);

/** Nothing said is no section at all. */
function section<T extends object>(value: { readonly [K in keyof T]: T[K] | undefined }): T | undefined {
  const compacted = compact<T>(value);
  return Object.keys(compacted).length === 0 ? undefined : compacted;
}
