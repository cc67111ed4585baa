import { list, map, struct } from "./shape.ts";
import {
  anyTexts,
  command,
  deviceCount,
  duration,
  durationKept,
  envFiles,
  extraHosts,
  flag,
  flagKept,
  float,
  healthTest,
  integer,
  integerKept,
  item,
  lists,
  mode,
  nullablePairs,
  pairs,
  size,
  sizeKept,
  sshKeys,
  text,
  textOrList,
  ulimit,
  unsigned,
  unsignedKept,
} from "./value-shapes.ts";

const texts = list(item);
const ulimits = map(ulimit, true);

const fileReference = struct({ source: text, target: text, uid: text, gid: text, mode });

const build = struct({
  context: text,
  dockerfile: text,
  dockerfile_inline: text,
  entitlements: texts,
  args: nullablePairs,
  provenance: text,
  sbom: text,
  ssh: sshKeys,
  labels: pairs,
  cache_from: textOrList,
  cache_to: textOrList,
  no_cache: flag,
  additional_contexts: pairs,
  pull: flag,
  extra_hosts: extraHosts,
  isolation: text,
  network: text,
  target: text,
  secrets: list(fileReference),
  shm_size: size,
  tags: textOrList,
  ulimits,
  platforms: textOrList,
  privileged: flag,
});

const hook = struct({
  command: { shape: command, absent: "null" },
  user: text,
  privileged: flag,
  working_dir: text,
  environment: nullablePairs,
});

const develop = struct({
  watch: list(
    struct({
      path: text,
      action: text,
      target: text,
      exec: { shape: hook, absent: "null-command" },
      include: textOrList,
      ignore: textOrList,
      initial_sync: flag,
    }),
  ),
});

const throttled = list(
  struct({
    path: { shape: text, printName: "Path" },
    rate: { shape: sizeKept, printName: "Rate" },
  }),
);

const blkioConfig = struct({
  weight: unsigned,
  weight_device: list(
    struct({
      path: { shape: text, printName: "Path" },
      weight: { shape: unsignedKept, printName: "Weight" },
    }),
  ),
  device_read_bps: throttled,
  device_read_iops: throttled,
  device_write_bps: throttled,
  device_write_iops: throttled,
});

const deviceRequests = list(
  struct({ capabilities: texts, driver: text, count: deviceCount, device_ids: texts, options: pairs }),
);

const resource = struct({
  cpus: float,
  memory: size,
  pids: integer,
  devices: deviceRequests,
  generic_resources: list(struct({ discrete_resource_spec: struct({ kind: item, value: integerKept }) })),
});

const updateConfig = struct({
  parallelism: unsignedKept,
  delay: duration,
  failure_action: text,
  monitor: duration,
  max_failure_ratio: float,
  order: text,
});

const deploy = struct({
  mode: text,
  replicas: integerKept,
  labels: pairs,
  update_config: updateConfig,
  rollback_config: updateConfig,
  resources: { shape: struct({ limits: resource, reservations: resource }), absent: "empty" },
  restart_policy: struct({
    condition: text,
    delay: durationKept,
    max_attempts: unsignedKept,
    window: durationKept,
  }),
  placement: {
    shape: struct({
      constraints: texts,
      preferences: list(struct({ spread: text })),
      max_replicas_per_node: unsigned,
    }),
    absent: "empty",
  },
  endpoint_mode: text,
});

const serviceNetwork = struct({
  aliases: texts,
  driver_opts: pairs,
  gw_priority: integer,
  interface_name: text,
  ipv4_address: text,
  ipv6_address: text,
  link_local_ips: texts,
  mac_address: text,
  priority: integer,
});

const port = struct({
  name: text,
  mode: text,
  host_ip: text,
  target: unsigned,
  published: text,
  protocol: text,
  app_protocol: text,
});

const mount = struct({
  type: text,
  source: text,
  target: text,
  read_only: flag,
  consistency: text,
  bind: struct({ selinux: text, propagation: text, create_host_path: flag, recursive: text }),
  volume: struct({ labels: pairs, nocopy: flag, subpath: text }),
  tmpfs: struct({ size, mode: unsigned }),
  image: struct({ subpath: text }),
});

export const serviceShape = struct({
  profiles: texts,
  annotations: pairs,
  attach: flagKept,
  build,
  develop,
  blkio_config: blkioConfig,
  cap_add: texts,
  cap_drop: texts,
  cgroup_parent: text,
  cgroup: text,
  cpu_count: integer,
  cpu_percent: float,
  cpu_period: integer,
  cpu_quota: integer,
  cpu_rt_period: integer,
  cpu_rt_runtime: integer,
  cpus: float,
  cpuset: text,
  cpu_shares: integer,
  command: { shape: command, absent: "null" },
  configs: list(fileReference),
  container_name: text,
  credential_spec: struct({ config: text, file: text, registry: text }),
  depends_on: map(struct({ condition: text, restart: flag, required: flagKept })),
  deploy,
  device_cgroup_rules: texts,
  devices: list(struct({ source: text, target: text, permissions: text })),
  dns: textOrList,
  dns_opt: texts,
  dns_search: textOrList,
  domainname: text,
  entrypoint: { shape: command, absent: "null" },
  provider: struct({ type: text, options: lists }),
  environment: nullablePairs,
  env_file: envFiles,
  expose: anyTexts,
  external_links: texts,
  extra_hosts: extraHosts,
  group_add: texts,
  gpus: deviceRequests,
  hostname: text,
  healthcheck: struct({
    test: healthTest,
    timeout: durationKept,
    interval: durationKept,
    retries: unsignedKept,
    start_period: durationKept,
    start_interval: durationKept,
    disable: flag,
  }),
  image: text,
  init: flagKept,
  ipc: text,
  isolation: text,
  labels: pairs,
  label_file: { shape: texts, isHidden: true },
  links: texts,
  logging: struct({ driver: text, options: pairs }),
  mem_limit: size,
  mem_reservation: size,
  memswap_limit: size,
  mem_swappiness: size,
  mac_address: text,
  models: map(struct({ endpoint_var: text, model_var: text }), true),
  network_mode: text,
  networks: map(serviceNetwork, true),
  oom_kill_disable: flag,
  oom_score_adj: integer,
  pid: text,
  pids_limit: integer,
  platform: text,
  ports: list(port),
  privileged: flag,
  pull_policy: text,
  pull_refresh_after: { shape: text, isHidden: true },
  read_only: flag,
  restart: text,
  runtime: text,
  scale: integerKept,
  secrets: list(fileReference),
  security_opt: texts,
  shm_size: size,
  stdin_open: flag,
  stop_grace_period: durationKept,
  stop_signal: text,
  storage_opt: map(item),
  sysctls: pairs,
  tmpfs: textOrList,
  tty: flag,
  ulimits,
  use_api_socket: flag,
  user: text,
  userns_mode: text,
  uts: text,
  volumes: list(mount),
  volumes_from: texts,
  working_dir: text,
  pre_start: list(hook),
  post_start: list(hook),
  pre_stop: list(hook),
});

export const networkShape = struct({
  name: text,
  driver: text,
  driver_opts: pairs,
  ipam: {
    shape: struct({
      driver: text,
      config: list(struct({ subnet: text, gateway: text, ip_range: text, aux_addresses: pairs })),
      // Compose drops them, so they are in neither its print nor its hash.
      options: { shape: pairs, isHidden: true },
    }),
    absent: "empty",
  },
  external: flag,
  internal: flag,
  attachable: flag,
  labels: pairs,
  enable_ipv4: flagKept,
  enable_ipv6: flagKept,
});

export const volumeShape = struct({
  name: text,
  driver: text,
  driver_opts: pairs,
  external: flag,
  labels: pairs,
});

export const fileObjectShape = struct({
  name: text,
  file: text,
  environment: text,
  content: text,
  external: flag,
  labels: pairs,
  driver: text,
  driver_opts: map(item),
  template_driver: text,
});

export const modelShape = struct({ name: text, model: text, context_size: integer, runtime_flags: texts });

export const SECTIONS = {
  services: serviceShape,
  networks: networkShape,
  volumes: volumeShape,
  secrets: fileObjectShape,
  configs: fileObjectShape,
  models: modelShape,
} as const;
