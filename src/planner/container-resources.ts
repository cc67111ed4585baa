import type { ContainerSpec, Resources, Ulimit } from "../runtime/index.ts";
import { type BlkioConfig, bytesOf, type DeviceRequest, type Service } from "../spec/index.ts";

/** Limits, devices and ulimits. A service's own keys win over `deploy.resources`. */
export function resourcesOf(service: Service): Partial<ContainerSpec> {
  const resources = limitsOf(service);
  const requests = [...(service.gpus ?? []).map(asGpu), ...devicesAskedFor(service)].map(requestOf);
  return {
    ...(Object.keys(resources).length > 0 && { resources }),
    ...(service.ulimits !== undefined && {
      ulimits: ulimitsOf(service.ulimits),
    }),
    ...(service.devices !== undefined && {
      devices: service.devices.map(({ source = "", target = source, permissions = "rwm" }) => ({
        hostPath: source,
        containerPath: target,
        permissions,
      })),
    }),
    ...(service.device_cgroup_rules !== undefined && { deviceCgroupRules: service.device_cgroup_rules }),
    ...(requests.length > 0 && { deviceRequests: requests }),
  };
}

function limitsOf(service: Service): Resources {
  const { limits, reservations } = service.deploy?.resources ?? {};
  const memory = service.mem_limit ?? limits?.memory;
  const reservation = service.mem_reservation ?? reservations?.memory;
  const cpus = service.cpus ?? limits?.cpus;
  const pids = service.pids_limit ?? limits?.pids;
  return {
    ...(memory !== undefined && { memoryBytes: bytesOf(memory) }),
    ...(reservation !== undefined && { memoryReservationBytes: bytesOf(reservation) }),
    ...(service.memswap_limit !== undefined && { memorySwapBytes: bytesOf(service.memswap_limit) }),
    ...(service.mem_swappiness !== undefined && { memorySwappiness: bytesOf(service.mem_swappiness) }),
    ...(cpus !== undefined && { nanoCpus: Math.round(cpus * 1e9) }),
    ...(service.cpu_shares !== undefined && { cpuShares: service.cpu_shares }),
    ...(service.cpu_period !== undefined && { cpuPeriodUs: service.cpu_period }),
    ...(service.cpu_quota !== undefined && { cpuQuotaUs: service.cpu_quota }),
    ...(service.cpu_rt_period !== undefined && { cpuRealtimePeriodUs: service.cpu_rt_period }),
    ...(service.cpu_rt_runtime !== undefined && { cpuRealtimeRuntimeUs: service.cpu_rt_runtime }),
    ...(service.cpuset !== undefined && { cpusetCpus: service.cpuset }),
    ...(pids !== undefined && { pidsLimit: pids }),
    ...(service.oom_kill_disable === true && { oomKillDisable: true }),
    ...blkioOf(service.blkio_config),
  };
}

function blkioOf(config: BlkioConfig | undefined): Resources {
  if (config === undefined) return {};
  const rates = (devices: BlkioConfig["device_read_bps"]) =>
    devices?.map(({ path, rate }) => ({ path, rate: bytesOf(rate) }));
  const readBps = rates(config.device_read_bps);
  const writeBps = rates(config.device_write_bps);
  const readIops = rates(config.device_read_iops);
  const writeIops = rates(config.device_write_iops);
  return {
    ...(config.weight !== undefined && { blkioWeight: config.weight }),
    ...(config.weight_device !== undefined && { blkioWeightDevices: config.weight_device }),
    ...(readBps !== undefined && { blkioReadBps: readBps }),
    ...(writeBps !== undefined && { blkioWriteBps: writeBps }),
    ...(readIops !== undefined && { blkioReadIops: readIops }),
    ...(writeIops !== undefined && { blkioWriteIops: writeIops }),
  };
}

/** In the order of their names. */
export function ulimitsOf(ulimits: NonNullable<Service["ulimits"]>): readonly Ulimit[] {
  return Object.entries(ulimits)
    .map(([name, limit]) => ulimitOf(name, limit))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function ulimitOf(name: string, limit: NonNullable<Service["ulimits"]>[string]): Ulimit {
  if (typeof limit === "number") return { name, soft: limit, hard: limit };
  const soft = limit.soft ?? limit.hard ?? 0;
  return { name, soft, hard: limit.hard ?? soft };
}

function asGpu(request: DeviceRequest): DeviceRequest {
  return { ...request, capabilities: [...(request.capabilities ?? []), "gpu"] };
}

function devicesAskedFor(service: Service): readonly DeviceRequest[] {
  return service.deploy?.resources?.reservations?.devices ?? [];
}

function requestOf(request: DeviceRequest): NonNullable<ContainerSpec["deviceRequests"]>[number] {
  const { driver, count, device_ids: deviceIds, capabilities, options } = request;
  return {
    ...(driver !== undefined && { driver }),
    ...(deviceIds === undefined ? { count: count ?? -1 } : { deviceIds }),
    ...(capabilities !== undefined && { capabilities: [capabilities] }),
    ...(options !== undefined && { options }),
  };
}
