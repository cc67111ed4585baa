import type { SupportRow } from "../../../src/planner/support.ts";

/** What comes of a value: something is planned for it, or as the table of `src/planner/support.ts` says. */
export type Outcome = "effect" | "loaded" | SupportRow["effect"];

export interface Sample {
  /** In the schema. */
  readonly path: string;
  readonly to: unknown;
  /** What is there instead in the stack that it is compared with; absent: nothing. */
  readonly from?: unknown;
  readonly outcome: Outcome;
  readonly more: More;
}

interface More {
  /** Of both stacks, in the Compose file's own form. */
  readonly with?: unknown;
  /** What ran before, in the Compose file's own form; the plan is what changes it into the sample. */
  readonly before?: unknown;
  /** What there is in the other stack in place of the value. */
  readonly instead?: unknown;
  /** Files beside the Compose file. */
  readonly files?: Readonly<Record<string, string>>;
  readonly request?: "up" | "down";
  /** The file of src that reads it, where no plan does: a command has it. */
  readonly reader?: string;
  /** Where the problem or hazard is, when it is not at the key. */
  readonly at?: string;
}

type Value = { readonly to: unknown; readonly from?: unknown } & More & { readonly outcome?: Outcome };

function v(to: unknown, more: Omit<Value, "to"> = {}): Value {
  return { to, ...more };
}

const refused = (to: unknown, more: Omit<Value, "to"> = {}) => v(to, { outcome: "refused", ...more });
const ignored = (to: unknown, more: Omit<Value, "to"> = {}) => v(to, { outcome: "ignored", ...more });
const kept = (to: unknown, more: Omit<Value, "to"> = {}) => v(to, { outcome: "kept", ...more });
const differs = (to: unknown, more: Omit<Value, "to"> = {}) => v(to, { outcome: "differs", ...more });
const loaded = (to: unknown, more: Omit<Value, "to"> = {}) => v(to, { outcome: "loaded", ...more });

/** Samples of the keys below a path; several for one key in a list. */
function group(
  prefix: string,
  more: More,
  values: Readonly<Record<string, Value | readonly Value[]>>,
): readonly Sample[] {
  return Object.entries(values).flatMap(([key, value]) =>
    (Array.isArray(value) ? (value as readonly Value[]) : [value as Value]).map((one) => {
      const { to, from, outcome = "effect", ...own } = one;
      const path = prefix === "" ? key : `${prefix}.${key}`;
      return { path, to, ...(from !== undefined && { from }), outcome, more: { ...more, ...own } };
    }),
  );
}

const web = (service: object) => ({ with: { services: { web: service } } });
const hook = (name: string, more: More) => {
  const at = (value: unknown, rest: Omit<Value, "to"> = {}) => v(value, { ...more, ...rest });
  const base = web({ [name]: [{ command: ["true"] }] });
  return group(`services.*.${name}[]`, base, {
    command: at(["false"]),
    user: at("1000"),
    privileged: at(true),
    working_dir: at("/tmp"),
    environment: at({ A: "1" }),
  });
};
const fileReference = (kind: "configs" | "secrets") =>
  group(
    `services.*.${kind}[]`,
    {
      with: {
        services: { web: { [kind]: [{ source: "text" }] } },
        [kind]: { text: { environment: "SHELL_VALUE" }, other: { environment: "OTHER_VALUE" } },
      },
    },
    {
      source: v("other", { from: "text" }),
      target: v("/elsewhere"),
      uid: v("1000"),
      gid: v("1000"),
      mode: v("0400"),
    },
  );
const blkioDevices = (
  ["device_read_bps", "device_read_iops", "device_write_bps", "device_write_iops"] as const
).flatMap((key) =>
  group(`services.*.blkio_config.${key}[]`, web({ blkio_config: { [key]: [{ path: "/dev/a", rate: 1 }] } }), {
    path: v("/dev/b"),
    rate: v(2),
  }),
);
const gpus = (prefix: string, service: object) =>
  group(prefix, web(service), {
    capabilities: v(["tpu"]),
    count: v(2),
    device_ids: v(["0"]),
    driver: v("some"),
    options: v({ a: "b" }),
  });
const updateConfig = (key: string, parallelism: Value | readonly Value[]) =>
  group(
    `services.*.deploy.${key}`,
    {},
    {
      parallelism,
      delay: ignored("1s"),
      failure_action: ignored("continue"),
      monitor: ignored("1s"),
      max_failure_ratio: ignored(0.5),
      order: ignored("start-first"),
    },
  );
const fileObject = (kind: "configs" | "secrets") => {
  const service = { services: { web: { [kind]: ["text"] } } };
  const file = { with: { ...service, [kind]: { text: { file: "./some.txt" } } } };
  const instead = { [kind]: { text: { file: "./other.txt" } } };
  return group(
    `${kind}.*`,
    { with: service },
    {
      environment: v("SHELL_VALUE", { instead }),
      file: v("./some.txt", { instead }),
      external: refused(true),
      "external.name": refused("other"),
      labels: ignored({ a: "b" }, file),
      template_driver: refused("golang", file),
      name: kept("other", file),
      ...(kind === "configs"
        ? { content: v("y", { from: "x" }) }
        : { driver: refused("some", file), driver_opts: ignored({ a: "b" }, file) }),
    },
  );
};

const build = web({ image: "made:1", build: { context: "." } });
const mount = (entry: object) => ({
  with: { services: { web: { volumes: [entry] } }, volumes: { data: {}, other: {} } },
});
const bind = mount({ type: "bind", source: "/src", target: "/d" });
const attached = {
  with: { services: { web: { networks: { net: {} } } }, networks: { net: {}, second: {} } },
};
const healthy = web({ depends_on: { db: { condition: "service_healthy" } } });
const watch = web({
  build: { context: "." },
  develop: { watch: [{ path: "./x", action: "sync", target: "/x" }] },
});
const watched = (to: unknown, file = "watch-stack", more: More = watch) =>
  loaded(to, { ...more, reader: `src/cli/watch/${file}.ts` });
const execRule = web({
  build: { context: "." },
  develop: { watch: [{ path: "./x", action: "sync+exec", target: "/x", exec: { command: ["true"] } }] },
});
const ulimited = web({
  image: "made:1",
  build: { context: ".", ulimits: { nofile: { soft: 1024, hard: 4096 } } },
});
const onService = { with: { services: { web: { networks: { net: {} } } }, networks: { net: {} } } };
const onVolume = { with: { services: { web: { volumes: ["data:/d"] } }, volumes: { data: {} } } };
const llm = {
  with: { services: { web: { models: ["llm"] } }, models: { llm: { model: "ai/x" } } },
  at: "services.web.models",
};
const resources = (kind: "limits" | "reservations", values: Readonly<Record<string, Value>>) =>
  group(`services.*.deploy.resources.${kind}`, {}, values);

/** For every key of the schema that has no keys below it: a value, and what must come of it. */
export const SAMPLES: readonly Sample[] = [
  ...group(
    "",
    {},
    {
      version: loaded("3"),
      name: v("other"),
      "include[].path": v("./more.yaml", { files: { "more.yaml": "services: {more: {image: 'one:1'}}" } }),
      "include[].env_file": v("./more.env", {
        with: { include: [{ path: "./more.yaml" }] },
        files: {
          "more.yaml": "services: {more: {image: 'one:1', user: '$WHO'}}",
          "more.env": "WHO=me",
        },
      }),
      "include[].project_directory": v("./sub", {
        with: { include: [{ path: "./more.yaml" }] },
        files: { "more.yaml": "services: {more: {image: 'one:1', volumes: ['./a:/a']}}", "sub/.keep": "" },
      }),
    },
  ),
  ...group(
    "services.*",
    {},
    {
      annotations: v({ a: "b" }),
      attach: loaded(false, { reader: "src/cli/attached-up.ts" }),
      cap_add: v(["NET_ADMIN"]),
      cap_drop: v(["ALL"]),
      cgroup: v("host"),
      cgroup_parent: v("some"),
      command: v(["true"]),
      container_name: v("chosen"),
      cpu_count: ignored(1),
      cpu_percent: ignored(50),
      cpu_shares: v(512),
      cpu_quota: v(50000),
      cpu_period: v(20000),
      cpu_rt_period: v(20000),
      cpu_rt_runtime: v(10000),
      cpus: v(1.5),
      cpuset: v("0"),
      device_cgroup_rules: v(["c 1:3 mr"]),
      dns: v(["192.0.2.1"]),
      dns_opt: v(["ndots:2"]),
      dns_search: v(["example.test"]),
      domainname: v("example.test"),
      entrypoint: v(["true"]),
      label_file: v("./labels", { files: { labels: "a=b" } }),
      environment: v({ A: "1" }),
      expose: v(["80"]),
      external_links: v(["other:alias"]),
      extra_hosts: v(["a:192.0.2.1"]),
      group_add: v(["4242"]),
      hostname: v("chosen"),
      image: v("two:1", { from: "one:1" }),
      init: v(true),
      ipc: v("host"),
      isolation: ignored("hyperv"),
      labels: v({ a: "b" }),
      links: v(["db:alias"]),
      mac_address: v("02:42:ac:11:00:09"),
      mem_limit: v("64m"),
      mem_reservation: v("32m"),
      mem_swappiness: v(10),
      memswap_limit: v("128m", web({ mem_limit: "64m" })),
      network_mode: v("host"),
      oom_kill_disable: v(true),
      oom_score_adj: v(100),
      pid: v("host"),
      pids_limit: v(50),
      platform: v("linux/arm64"),
      privileged: v(true),
      profiles: v(["some"]),
      pull_policy: v("always"),
      pull_refresh_after: v("1h", { from: "500w", ...web({ pull_policy: "refresh" }) }),
      read_only: v(true),
      restart: v("always"),
      runtime: v("other"),
      scale: v(2),
      security_opt: v(["no-new-privileges:true"]),
      shm_size: v("8m"),
      sysctls: v({ "net.core.somaxconn": "333" }),
      stdin_open: v(true),
      stop_grace_period: v("3s"),
      stop_signal: v("SIGINT"),
      storage_opt: v({ size: "1g" }),
      tmpfs: v(["/run"]),
      tty: v(true),
      use_api_socket: refused(true),
      user: v("1000"),
      uts: v("host"),
      userns_mode: v("host"),
      volumes_from: v(["db:ro"]),
      working_dir: v("/tmp"),
      "credential_spec.config": refused("x", { with: { configs: { x: { content: "x" } } } }),
      "credential_spec.file": refused("x.json"),
      "credential_spec.registry": refused("x"),
      "depends_on.*.restart": v(true, {
        ...healthy,
        before: {
          services: {
            db: { environment: { A: "before" } },
            web: { depends_on: { db: { condition: "service_healthy" } } },
          },
        },
      }),
      "depends_on.*.required": v(false, healthy),
      "depends_on.*.condition": v("service_healthy", { from: "service_started" }),
      "devices[].source": v("/dev/zero", web({ devices: [{ source: "/dev/null", target: "/dev/x" }] })),
      "devices[].target": v("/dev/y", web({ devices: [{ source: "/dev/null", target: "/dev/x" }] })),
      "devices[].permissions": v("r", web({ devices: [{ source: "/dev/null", target: "/dev/x" }] })),
      "env_file[].path": v("./two.env", { from: "./one.env", files: { "one.env": "A=1", "two.env": "A=2" } }),
      "env_file[].format": v("raw", {
        ...web({ env_file: [{ path: "./one.env" }] }),
        files: { "one.env": "A='1'" },
      }),
      "env_file[].required": loaded(false, { ...web({ env_file: [{ path: "./none.env" }] }) }),
      "extends.service": v("db", { from: "other", with: { services: { other: { image: "two:1" } } } }),
      "extends.file": v("./base.yaml", {
        ...web({ extends: { service: "db" } }),
        files: { "base.yaml": "services: {db: {image: 'one:1', user: base}}" },
      }),
      "provider.type": refused("x", { at: "services.web.provider" }),
      "provider.options": refused(
        { a: "b" },
        { ...web({ provider: { type: "x" } }), at: "services.web.provider" },
      ),
      "healthcheck.disable": v(true),
      "healthcheck.interval": v("3s"),
      "healthcheck.retries": v(2),
      "healthcheck.test": v(["CMD", "true"]),
      "healthcheck.timeout": v("3s"),
      "healthcheck.start_period": v("3s"),
      "healthcheck.start_interval": v("3s"),
      "logging.driver": v("local"),
      "logging.options": v({ "max-size": "1m" }),
      "models.*.endpoint_var": refused("URL", llm),
      "models.*.model_var": refused("MODEL", llm),
      "ulimits.*.hard": v(2048, web({ ulimits: { nofile: { soft: 1024, hard: 4096 } } })),
      "ulimits.*.soft": v(512, web({ ulimits: { nofile: { soft: 1024, hard: 4096 } } })),
    },
  ),
  ...group("services.*.develop.watch[]", watch, {
    path: watched("./y"),
    action: watched("restart"),
    target: watched("/y"),
    ignore: watched(["a"], "path-filter"),
    include: watched(["a"], "path-filter"),
    initial_sync: watched(true),
    "exec.command": watched(["false"], "watch-stack", execRule),
    "exec.user": watched("me", "watch-stack", execRule),
    "exec.privileged": watched(true, "watch-stack", execRule),
    "exec.working_dir": watched("/x", "watch-stack", execRule),
    "exec.environment": watched({ A: "1" }, "watch-stack", execRule),
  }),
  ...group(
    "services.*.deploy",
    {},
    {
      mode: [differs("global"), refused("replicated-job")],
      endpoint_mode: [differs("dnsrr"), ignored("vip")],
      replicas: v(2),
      labels: ignored({ a: "b" }),
      "restart_policy.condition": v("on-failure"),
      "restart_policy.delay": ignored("3s"),
      "restart_policy.max_attempts": [
        v(3, web({ deploy: { restart_policy: { condition: "on-failure" } } })),
        ignored(3, web({ deploy: { restart_policy: { condition: "any" } } })),
      ],
      "restart_policy.window": ignored("3s"),
      "placement.constraints": ignored(["node.role == manager"]),
      "placement.preferences[].spread": ignored("node.labels.zone"),
      "placement.max_replicas_per_node": ignored(1),
    },
  ),
  ...updateConfig("update_config", [
    v(1, { ...web({ scale: 2 }), before: { services: { web: { environment: { A: "before" } } } } }),
    differs(0, { ...web({ scale: 2 }), before: { services: { web: { environment: { A: "before" } } } } }),
  ]),
  ...updateConfig("rollback_config", ignored(2)),
  ...resources("limits", { cpus: v(0.5), memory: v("64m"), pids: v(50) }),
  ...resources("reservations", {
    cpus: ignored(0.5),
    memory: v("64m"),
    "generic_resources[].discrete_resource_spec.kind": ignored("gpu"),
    "generic_resources[].discrete_resource_spec.value": ignored(2),
  }),
  ...gpus("services.*.deploy.resources.reservations.devices[]", {
    deploy: { resources: { reservations: { devices: [{ capabilities: ["gpu"] }] } } },
  }),
  ...gpus("services.*.gpus[]", { gpus: [{ driver: "nvidia" }] }),
  ...group("services.*.build", build, {
    context: v("./other", { from: "." }),
    dockerfile: v("Other"),
    dockerfile_inline: v("FROM x"),
    entitlements: refused(["network.host"]),
    args: v({ A: "1" }),
    ssh: v(["one=./agent.sock"]),
    labels: v({ a: "b" }),
    cache_from: v(["one:1"]),
    cache_to: ignored(["type=local,dest=x"]),
    no_cache: v(true),
    additional_contexts: [
      v({ more: "docker-image://one:1" }),
      v({ more: "./more" }),
      refused({ more: "oci-layout://x" }),
    ],
    network: v("host"),
    provenance: ignored(true),
    sbom: ignored(true),
    pull: v(true),
    target: v("stage"),
    shm_size: v("8m"),
    extra_hosts: v(["a:192.0.2.1"]),
    isolation: ignored("hyperv"),
    privileged: refused(true),
    tags: v(["more:1"]),
    platforms: [v(["linux/arm64"]), ignored(["linux/amd64", "linux/arm64"])],
    "ulimits.*.hard": v(2048, ulimited),
    "ulimits.*.soft": v(512, ulimited),
  }),
  ...group(
    "services.*.build.secrets[]",
    {
      with: {
        services: { web: { image: "made:1", build: { context: ".", secrets: [{ source: "text" }] } } },
        secrets: { text: { file: "./some.txt" }, other: { file: "./other.txt" } },
      },
    },
    {
      source: v("other", { from: "text" }),
      target: v("id"),
      uid: ignored("1000"),
      gid: ignored("1000"),
      mode: ignored("0400"),
    },
  ),
  ...blkioDevices,
  ...group(
    "services.*.blkio_config",
    {},
    {
      weight: v(300),
      "weight_device[].path": v(
        "/dev/b",
        web({ blkio_config: { weight_device: [{ path: "/dev/a", weight: 1 }] } }),
      ),
      "weight_device[].weight": v(
        2,
        web({ blkio_config: { weight_device: [{ path: "/dev/a", weight: 1 }] } }),
      ),
    },
  ),
  ...fileReference("configs"),
  ...fileReference("secrets"),
  ...group("services.*.networks.*", attached, {
    aliases: v(["face"]),
    interface_name: v("lan0"),
    ipv4_address: v("10.9.0.9", { with: subnetted("10.9.0.0/24") }),
    ipv6_address: v("fd00:9::9", { with: subnetted("fd00:9::/64") }),
    link_local_ips: v(["169.254.1.1"]),
    mac_address: v("02:42:ac:11:00:09"),
    driver_opts: v({ a: "b" }),
    priority: v(5, {
      with: { services: { web: { networks: { net: {}, another: {} } } }, networks: { net: {}, another: {} } },
    }),
    gw_priority: v(5),
  }),
  ...group("services.*.ports[]", web({ ports: [{ target: 80 }] }), {
    name: kept("page"),
    mode: kept("host"),
    host_ip: v("127.0.0.1"),
    target: v(81, { from: 80 }),
    published: v("8080"),
    protocol: v("udp"),
    app_protocol: kept("http"),
  }),
  ...hook("pre_start", web({ pre_start: [{ command: ["true"] }] })),
  ...hook("post_start", web({ post_start: [{ command: ["true"] }] })),
  ...hook("pre_stop", {
    ...web({ pre_stop: [{ command: ["true"] }] }),
    before: {},
    request: "down",
  }),
  ...group("services.*.volumes[]", bind, {
    type: [v("tmpfs", { from: "volume", ...mount({ target: "/d" }) }), refused("npipe"), refused("cluster")],
    source: v("/other"),
    target: v("/e"),
    read_only: v(true),
    consistency: [kept("cached"), ignored("odd")],
    "bind.propagation": [v("rslave"), refused("odd")],
    "bind.create_host_path": v(
      true,
      mount({ type: "bind", source: "/src", target: "/d", bind: { propagation: "rslave" } }),
    ),
    "bind.recursive": [v("disabled"), v("writable"), v("readonly")],
    "bind.selinux": ignored("z"),
    "volume.labels": v({ a: "b" }, mount({ type: "volume", source: "data", target: "/d" })),
    "volume.nocopy": v(true, mount({ type: "volume", source: "data", target: "/d" })),
    "volume.subpath": v("a", mount({ type: "volume", source: "data", target: "/d" })),
    "tmpfs.size": v("1m", mount({ type: "tmpfs", target: "/d" })),
    "tmpfs.mode": v(0o700, mount({ type: "tmpfs", target: "/d" })),
    "image.subpath": v("a", mount({ type: "image", source: "one:1", target: "/d" })),
  }),
  ...group("models.*", llm, {
    name: refused("x"),
    model: refused("ai/y"),
    context_size: refused(1024),
    runtime_flags: refused(["--x"]),
  }),
  ...group("networks.*", onService, {
    name: v("chosen"),
    driver: v("host"),
    driver_opts: v({ a: "b" }),
    "ipam.driver": v("default"),
    "ipam.config[].subnet": v("10.9.0.0/24"),
    "ipam.config[].ip_range": v("10.9.0.128/25", { with: subnetted("10.9.0.0/24") }),
    "ipam.config[].gateway": v("10.9.0.254", { with: subnetted("10.9.0.0/24") }),
    "ipam.config[].aux_addresses": v({ a: "10.9.0.5" }, { with: subnetted("10.9.0.0/24") }),
    "ipam.options": v({ a: "b" }),
    external: v(true),
    "external.name": v("chosen"),
    internal: v(true),
    enable_ipv4: v(false),
    enable_ipv6: v(true),
    attachable: v(true),
    labels: v({ a: "b" }),
  }),
  ...group("volumes.*", onVolume, {
    name: v("chosen"),
    driver: v("some"),
    driver_opts: v({ a: "b" }),
    external: v(true),
    "external.name": v("chosen"),
    labels: v({ a: "b" }),
  }),
  ...fileObject("configs"),
  ...fileObject("secrets"),
];

function subnetted(subnet: string): object {
  return {
    services: { web: { networks: { net: {} } } },
    networks: { net: { ipam: { config: [{ subnet }] } } },
  };
}
