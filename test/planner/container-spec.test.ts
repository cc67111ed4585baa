import { describe, expect, it } from "vitest";
import { containerSpecOf, type Draft } from "../../src/planner/container-spec.ts";
import { LABEL } from "../../src/planner/labels.ts";
import type { ContainerSpec } from "../../src/runtime/index.ts";
import type { Service, Stack } from "../../src/spec/index.ts";
import { stackOf } from "./stack-builder.ts";

function draftOf(service: Service, more: Partial<Omit<Stack, "services">> = {}): Draft {
  const stack = stackOf({ web: service }, more);
  return containerSpecOf({
    stack,
    serviceName: "web",
    service: stack.services["web"] ?? {},
    number: 1,
    namesOf: (name) => [`shop-${name}-1`],
  });
}

/** One attribute -> what it becomes. Every attribute that reaches a container has a row. */
const ROWS: readonly (readonly [Service, Partial<ContainerSpec>])[] = [
  [{ image: "a:1" }, { image: "a:1" }],
  [{ build: { context: "." } }, { image: "shop-web" }],
  [{ platform: "linux/arm64" }, { platform: "linux/arm64" }],
  [{ command: ["a", "b"] }, { command: ["a", "b"] }],
  [{ command: [] }, { command: [] }],
  [{ entrypoint: [] }, { entrypoint: [] }],
  [{ environment: { B: "2", A: "1", GONE: null } }, { env: ["A=1", "B=2", "GONE"] }],
  [{ annotations: { a: "b" } }, { annotations: { a: "b" } }],
  [{ user: "1:2" }, { user: "1:2" }],
  [{ group_add: ["audio"] }, { groupAdd: ["audio"] }],
  [{ working_dir: "/x" }, { workingDir: "/x" }],
  [
    { tty: true, stdin_open: true },
    { tty: true, openStdin: true },
  ],
  [{ init: true }, { init: true }],
  [{ stop_signal: "SIGINT" }, { stopSignal: "SIGINT" }],
  [{ stop_grace_period: "1m30s" }, { stopTimeoutSeconds: 90 }],
  [
    {
      healthcheck: {
        test: ["CMD", "x"],
        interval: "1m0s",
        timeout: "500ms",
        retries: 2,
        start_period: "5s",
        start_interval: "1s",
      },
    },
    {
      healthcheck: {
        test: ["CMD", "x"],
        intervalMs: 60_000,
        timeoutMs: 500,
        retries: 2,
        startPeriodMs: 5_000,
        startIntervalMs: 1_000,
      },
    },
  ],
  [{ healthcheck: { disable: true } }, { healthcheck: { test: ["NONE"] } }],
  [{ restart: "on-failure:3" }, { restartPolicy: { name: "on-failure", maximumRetryCount: 3 } }],
  [{ restart: "unless-stopped" }, { restartPolicy: { name: "unless-stopped" } }],
  [{ deploy: { restart_policy: { condition: "any" } } }, { restartPolicy: { name: "always" } }],
  [
    { deploy: { restart_policy: { condition: "on-failure", max_attempts: 2 } } },
    { restartPolicy: { name: "on-failure", maximumRetryCount: 2 } },
  ],
  [
    { restart: "no", deploy: { restart_policy: { condition: "any" } } },
    { restartPolicy: { name: "always" } },
  ],
  [
    { restart: "always", deploy: { restart_policy: { condition: "none" } } },
    { restartPolicy: { name: "no" } },
  ],
  [{ deploy: { restart_policy: { delay: "5s" } } }, { restartPolicy: { name: "always" } }],
  [
    { logging: { driver: "json-file", options: { "max-size": "1m" } } },
    { log: { driver: "json-file", options: { "max-size": "1m" } } },
  ],
  [
    { tmpfs: ["/run", "/tmp:size=1m,mode=1777"] },
    {
      mounts: [
        { type: "tmpfs", target: "/run" },
        { type: "tmpfs", target: "/tmp", options: ["size=1m", "mode=1777"] },
      ],
    },
  ],
  [
    {
      volumes: [
        {
          type: "bind",
          source: "/a",
          target: "/b",
          read_only: true,
          bind: { create_host_path: true, propagation: "rslave", recursive: "disabled" },
        },
      ],
    },
    {
      mounts: [
        {
          type: "bind",
          source: "/a",
          target: "/b",
          readOnly: true,
          createHostPath: true,
          propagation: "rslave",
          nonRecursive: true,
        },
      ],
    },
  ],
  [
    {
      volumes: [
        {
          type: "volume",
          source: "data",
          target: "/d",
          volume: { nocopy: true, subpath: "s", labels: { x: "y" } },
        },
      ],
    },
    {
      mounts: [
        {
          type: "volume",
          source: "shop_data",
          target: "/d",
          noCopy: true,
          subpath: "s",
          labels: { x: "y", [LABEL.project]: "shop", [LABEL.volume]: "data" },
        },
      ],
    },
  ],
  [{ volumes: [{ type: "volume", target: "/d" }] }, { mounts: [{ type: "volume", target: "/d" }] }],
  [
    { volumes: [{ type: "tmpfs", target: "/t", tmpfs: { size: "1024", mode: 0o700 } }] },
    { mounts: [{ type: "tmpfs", target: "/t", sizeBytes: 1024, mode: 0o700 }] },
  ],
  [
    { volumes: [{ type: "image", source: "i:1", target: "/i", image: { subpath: "p" } }] },
    { mounts: [{ type: "image", source: "i:1", target: "/i", subpath: "p" }] },
  ],
  [{ volumes_from: ["db:ro", "container:other"] }, { volumesFrom: ["shop-db-1:ro", "other"] }],
  [
    { hostname: "h", domainname: "d" },
    { hostname: "h", domainname: "d" },
  ],
  [
    {
      ports: [
        { target: 80, published: "8080", host_ip: "127.0.0.1", protocol: "udp" },
        { target: 81 },
        { target: 82, published: "90-99" },
      ],
    },
    {
      ports: [
        { containerPort: 80, protocol: "udp", hostIp: "127.0.0.1", hostPort: 8080 },
        { containerPort: 81, protocol: "tcp" },
        { containerPort: 82, protocol: "tcp", hostPort: { first: 90, last: 99 } },
      ],
    },
  ],
  [{ expose: ["80", "82-83", "53/udp"] }, { exposedPorts: ["80/tcp", "82/tcp", "83/tcp", "53/udp"] }],
  [
    { dns: ["1.1.1.1"], dns_search: ["x"], dns_opt: ["ndots:1"] },
    { dns: ["1.1.1.1"], dnsSearch: ["x"], dnsOptions: ["ndots:1"] },
  ],
  [{ extra_hosts: ["a=1.2.3.4", "b=::1"] }, { extraHosts: ["a:1.2.3.4", "b:::1"] }],
  [{ network_mode: "host" }, { networkMode: "host" }],
  [{ network_mode: "service:db" }, { networkMode: "container:shop-db-1" }],
  [{ networks: {} }, { networkMode: "none" }],
  [
    { ipc: "service:db", pid: "host", uts: "host", userns_mode: "host", cgroup: "host" },
    {
      ipcMode: "container:shop-db-1",
      pidMode: "host",
      utsMode: "host",
      usernsMode: "host",
      cgroupnsMode: "host",
    },
  ],
  [{ cgroup_parent: "/x" }, { cgroupParent: "/x" }],
  [
    { privileged: true, read_only: true },
    { privileged: true, readOnlyRootfs: true },
  ],
  [
    { cap_add: ["A"], cap_drop: ["B"] },
    { capAdd: ["A"], capDrop: ["B"] },
  ],
  [
    { security_opt: ["no-new-privileges:true", "seccomp=p.json", "seccomp:unconfined"] },
    { securityOptions: ["no-new-privileges:true", "seccomp=/srv/shop/p.json", "seccomp:unconfined"] },
  ],
  [{ sysctls: { "net.core.somaxconn": "1" } }, { sysctls: { "net.core.somaxconn": "1" } }],
  [
    { runtime: "runc", shm_size: "64", storage_opt: { size: "1g" }, oom_score_adj: 5 },
    { runtime: "runc", shmSizeBytes: 64, storageOptions: { size: "1g" }, oomScoreAdj: 5 },
  ],
  [
    {
      mem_limit: "100",
      mem_reservation: "50",
      memswap_limit: "-1",
      mem_swappiness: "10",
      cpus: 1.5,
      cpu_shares: 2,
      cpu_period: 3,
      cpu_quota: 4,
      cpu_rt_period: 5,
      cpu_rt_runtime: 6,
      cpuset: "0",
      pids_limit: 7,
      oom_kill_disable: true,
    },
    {
      resources: {
        memoryBytes: 100,
        memoryReservationBytes: 50,
        memorySwapBytes: -1,
        memorySwappiness: 10,
        nanoCpus: 1_500_000_000,
        cpuShares: 2,
        cpuPeriodUs: 3,
        cpuQuotaUs: 4,
        cpuRealtimePeriodUs: 5,
        cpuRealtimeRuntimeUs: 6,
        cpusetCpus: "0",
        pidsLimit: 7,
        oomKillDisable: true,
      },
    },
  ],
  [
    {
      deploy: {
        resources: { limits: { memory: "100", cpus: 0.5, pids: 9 }, reservations: { memory: "50" } },
      },
    },
    { resources: { memoryBytes: 100, memoryReservationBytes: 50, nanoCpus: 500_000_000, pidsLimit: 9 } },
  ],
  [
    {
      blkio_config: {
        weight: 1,
        weight_device: [{ path: "/d", weight: 2 }],
        device_read_bps: [{ path: "/d", rate: "3" }],
        device_write_iops: [{ path: "/d", rate: "4" }],
      },
    },
    {
      resources: {
        blkioWeight: 1,
        blkioWeightDevices: [{ path: "/d", weight: 2 }],
        blkioReadBps: [{ path: "/d", rate: 3 }],
        blkioWriteIops: [{ path: "/d", rate: 4 }],
      },
    },
  ],
  [
    { ulimits: { nproc: 5, nofile: { soft: 1, hard: 2 } } },
    {
      ulimits: [
        { name: "nofile", soft: 1, hard: 2 },
        { name: "nproc", soft: 5, hard: 5 },
      ],
    },
  ],
  [
    { devices: [{ source: "/a", target: "/b", permissions: "r" }, { source: "/c" }] },
    {
      devices: [
        { hostPath: "/a", containerPath: "/b", permissions: "r" },
        { hostPath: "/c", containerPath: "/c", permissions: "rwm" },
      ],
    },
  ],
  [{ device_cgroup_rules: ["c 1:1 r"] }, { deviceCgroupRules: ["c 1:1 r"] }],
  [{ gpus: [{ count: -1 }] }, { deviceRequests: [{ count: -1, capabilities: [["gpu"]] }] }],
  [
    {
      deploy: {
        resources: {
          reservations: { devices: [{ driver: "nvidia", device_ids: ["0"], capabilities: ["gpu"] }] },
        },
      },
    },
    { deviceRequests: [{ driver: "nvidia", deviceIds: ["0"], capabilities: [["gpu"]] }] },
  ],
];

describe("a container's spec", () => {
  it("has what each attribute asks for", () => {
    for (const [service, expected] of ROWS) {
      const { spec } = draftOf(service, { volumes: { data: { name: "shop_data" } } });
      expect(spec).toMatchObject(expected);
      for (const [key, value] of Object.entries(expected))
        expect(spec[key as keyof ContainerSpec]).toEqual(value);
    }
  });

  it("says nothing that was not declared", () => {
    const { spec } = draftOf({ image: "a:1" });
    expect(Object.keys(spec).sort()).toEqual(["image", "labels", "networkMode", "networks"]);
  });

  it("is on its networks by priority, then name, under its names", () => {
    const { spec } = draftOf(
      {
        image: "a:1",
        mac_address: "02:42:00:00:00:01",
        networks: {
          b: {
            priority: 5,
            aliases: ["x"],
            ipv4_address: "10.0.0.5",
            gw_priority: 1,
            interface_name: "eth9",
          },
          a: null,
        },
        links: ["db:store"],
        external_links: ["other:o"],
      },
      { networks: { a: { name: "shop_a" }, b: { name: "named" } } },
    );
    expect(spec.networkMode).toBe("named");
    expect(Object.keys(spec.networks ?? {})).toEqual(["named", "shop_a"]);
    expect(spec.networks?.["named"]).toEqual({
      aliases: ["shop-web-1", "web", "x"],
      links: ["shop-db-1:store", "shop-db-1:db-1", "shop-db-1:shop-db-1", "other:o"],
      ipv4Address: "10.0.0.5",
      macAddress: "02:42:00:00:00:01",
      driverOptions: { "com.docker.network.endpoint.ifname": "eth9" },
      gatewayPriority: 1,
    });
    expect(spec.networks?.["shop_a"]?.macAddress).toBeUndefined();
  });

  it("carries Compose's labels over the user's own", () => {
    const { spec } = draftOf({
      image: "a:1",
      labels: { mine: "1", "com.docker.compose.service": "lie" },
      depends_on: { db: { condition: "service_healthy", required: true, restart: true } },
    });
    expect(spec.labels).toMatchObject({
      mine: "1",
      "com.docker.compose.project": "shop",
      "com.docker.compose.service": "web",
      "com.docker.compose.container-number": "1",
      "com.docker.compose.oneoff": "False",
      "com.docker.compose.depends_on": "db:service_healthy:true",
      "com.docker.compose.project.working_dir": "/srv/shop",
      "com.docker.compose.project.config_files": "/srv/shop/compose.yaml",
    });
    expect(spec.labels?.["com.docker.compose.config-hash"]).toMatch(/^[0-9a-f]{64}$/);
  });

  it("binds secrets and configs from files, and writes those with content", () => {
    const { spec, files, hazards, problems } = draftOf(
      {
        image: "a:1",
        secrets: [{ source: "file" }, { source: "text", target: "t", uid: "5" }],
        configs: [{ source: "conf" }, { source: "unset" }],
      },
      {
        secrets: { file: { name: "f", file: "/s/f" }, text: { name: "t", content: "x" } },
        configs: { conf: { name: "c", file: "/s/c" }, unset: { name: "u", environment: "UNSET" } },
      },
    );
    expect(spec.mounts).toEqual([
      { type: "bind", source: "/s/c", target: "/conf", readOnly: true, createHostPath: false },
      { type: "bind", source: "/s/f", target: "/run/secrets/file", readOnly: true, createHostPath: false },
    ]);
    expect(files).toContainEqual({
      kind: "secret",
      source: "text",
      target: "/run/secrets/t",
      uid: 5,
      gid: 0,
      mode: 0o444,
    });
    expect(hazards).toEqual([]);
    expect(problems.map(({ path }) => path)).toEqual(["services.web.configs[1]"]);
  });

  it("copies a file that has an owner or mode of its own, and has another fingerprint when the file changes", () => {
    const draft = (bytes: string) =>
      draftOf(
        { image: "a:1", secrets: [{ source: "key", uid: "70", mode: "0400" }] },
        { secrets: { key: { name: "k", file: "/s/k", fileContent: bytes } } },
      );
    const { spec, files, hazards, problems, filesDigest } = draft("AP8=");
    expect(spec.mounts).toBeUndefined();
    expect(files).toEqual([
      { kind: "secret", source: "key", target: "/run/secrets/key", uid: 70, gid: 0, mode: 0o400 },
    ]);
    expect([hazards, problems]).toEqual([[], []]);
    expect(JSON.stringify(spec)).not.toContain("AP8=");
    expect(draft("AP9=").filesDigest).not.toBe(filesDigest);
  });

  it.each([
    ["is not there to be read", {}, {}],
    ["belongs in a read-only container", { fileContent: "AP8=" }, { read_only: true }],
    ["would be hidden by a mount", { fileContent: "AP8=" }, { tmpfs: ["/run:size=1m"] }],
  ])("mounts a file whose owner cannot be had, and says so, when it %s", (_why, object, service) => {
    const { spec, files, hazards } = draftOf(
      { image: "a:1", ...service, secrets: [{ source: "key", uid: "70" }] },
      { secrets: { key: { name: "k", file: "/s/k", ...object } } },
    );
    expect(spec.mounts?.map(({ target }) => target)).toContain("/run/secrets/key");
    expect(files).toEqual([]);
    expect(hazards.map(({ path }) => path)).toEqual(["services.web.secrets[0]"]);
  });

  it("refuses an owner by name, and content that a tmpfs would hide", () => {
    const { problems } = draftOf(
      {
        image: "a:1",
        tmpfs: ["/run"],
        secrets: [{ source: "text", uid: "root" }],
      },
      { secrets: { text: { name: "t", content: "x" } } },
    );
    expect(problems.map(({ path }) => path)).toEqual([
      "services.web.secrets[0].uid",
      "services.web.secrets[0]",
    ]);
  });

  it("is refused, or warned about, where nothing can honour what is declared", () => {
    const refused = draftOf({
      image: "a:1",
      provider: { type: "x" },
      use_api_socket: true,
      deploy: { mode: "global-job" },
    });
    expect(refused.problems.map(({ path }) => path)).toEqual([
      "services.web.provider",
      "services.web.use_api_socket",
      "services.web.deploy.mode",
    ]);
    const warned = draftOf({
      image: "a:1",
      cpu_count: 1,
      deploy: { update_config: { parallelism: 1, order: "start-first" } },
    });
    expect(warned.problems).toEqual([]);
    expect(warned.hazards.map(({ path }) => path)).toEqual([
      "services.web.cpu_count",
      "services.web.deploy.update_config.order",
    ]);
  });
});
