import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { capabilitiesOfMask, resolveCapabilities } from "../../../../src/runtime/engine/oci/capabilities.ts";
import { type ConfigRequest, ociConfig } from "../../../../src/runtime/engine/oci/config.ts";
import type { MachineFacts } from "../../../../src/runtime/engine/oci/machine.ts";
import type { OciConfig } from "../../../../src/runtime/engine/oci/types.ts";
import type { ContainerSpec } from "../../../../src/runtime/index.ts";
import { VERSION_1_LIMITS } from "../../../support/kernel-limits.ts";

const machine: MachineFacts = {
  boundingCapabilities: capabilitiesOfMask("1fffeffffff"),
  kernelVersion: "6.1.0",
  architecture: "amd64",
  cgroupVersion: "1",
  limits: VERSION_1_LIMITS,
  hardLimits: new Map([["RLIMIT_NOFILE", 20_000]]),
  hasAppArmor: false,
  leastOomScore: 0,
};

function request(spec: Partial<ContainerSpec> = {}, more: Partial<ConfigRequest> = {}): ConfigRequest {
  return {
    spec: { image: "busybox", ...spec },
    effective: {
      path: "sleep",
      args: ["600"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      entrypoint: undefined,
      cmd: ["sleep", "600"],
      user: "",
      workingDir: "",
      labels: {},
      exposedPorts: [],
      volumes: [],
      stopSignal: undefined,
      healthcheck: undefined,
      hostname: "a4e3a93a3e91",
    },
    rootfsDir: "/rootfs",
    cgroupsPath: "/docker/ID",
    user: { uid: 0, gid: 0, additionalGids: [0, 10] },
    mounts: {
      user: [],
      etc: { resolvConf: "/files/resolv.conf", hostname: "/files/hostname", hosts: "/files/hosts" },
      shm: { sizeBytes: 67_108_864 },
    },
    namespaces: { network: "own", pid: "own", ipc: "own", uts: "own" },
    machine,
    seccompTables: "all",
    devices: [],
    deviceRules: [],
    deviceNumbers: new Map(),
    ...more,
  };
}

const docker = JSON.parse(
  readFileSync(join(import.meta.dirname, "cases/docker-28-default.json"), "utf8"),
) as OciConfig & { linux: { resources: { blockIO?: unknown; memory?: unknown } } };

describe("ociConfig", () => {
  it("gives a container that asks for nothing what Docker gives it", () => {
    const ours = ociConfig(request());
    expect(ours.process).toEqual(docker.process);
    expect(ours.root).toEqual(docker.root);
    expect(ours.hostname).toBe(docker.hostname);
    expect(ours.mounts).toEqual(docker.mounts);
    expect(ours.linux.sysctl).toEqual(docker.linux.sysctl);
    expect(ours.linux.maskedPaths).toEqual(docker.linux.maskedPaths);
    expect(ours.linux.readonlyPaths).toEqual(docker.linux.readonlyPaths);
    expect(new Set(ours.linux.namespaces)).toEqual(new Set(docker.linux.namespaces));
    // Docker writes its device list twice.
    expect(ours.linux.resources.devices).toEqual(docker.linux.resources.devices?.slice(0, 8));
  });

  it("resolves the seccomp profile to Docker's rules", () => {
    const ours = ociConfig(request()).linux.seccomp;
    const theirs = docker.linux.seccomp;
    expect(ours?.architectures).toEqual(theirs?.architectures);
    expect(ours?.defaultAction).toBe(theirs?.defaultAction);
    const canonical = (rules: NonNullable<typeof ours>["syscalls"]) =>
      (rules ?? [])
        .flatMap(({ names, action, errnoRet, args }) =>
          names.map((name) => JSON.stringify([name, action, errnoRet, args])),
        )
        .sort();
    expect(canonical(ours?.syscalls)).toEqual(canonical(theirs?.syscalls));
  });

  it("asks for the native system call table only where nothing needs the others", () => {
    const seccomp = ociConfig(request({}, { seccompTables: "native" })).linux.seccomp;
    expect(seccomp?.architectures).toEqual(["SCMP_ARCH_X86_64"]);
    const builtin = { securityOptions: ["seccomp=builtin"] };
    expect(
      ociConfig(request(builtin, { seccompTables: "native" })).linux.seccomp?.architectures,
    ).toHaveLength(3);
  });

  it("takes every restriction from a privileged container", () => {
    const { process, linux, mounts } = ociConfig(request({ privileged: true }));
    expect(process.capabilities.bounding).toHaveLength(40);
    expect(linux.seccomp).toBeUndefined();
    expect(linux.maskedPaths).toBeUndefined();
    expect(linux.readonlyPaths).toBeUndefined();
    expect(linux.resources.devices).toEqual([{ allow: true, access: "rwm" }]);
    for (const path of ["/sys", "/sys/fs/cgroup"])
      expect(mounts.find(({ destination }) => destination === path)?.options).not.toContain("ro");
  });

  it("leaves out a kernel mount that the user covers, and orders the rest by depth", () => {
    const bind = (target: string) => ({ type: "bind", source: "/x", target, options: ["rbind"] }) as const;
    const base = request();
    const targets = ociConfig({
      ...base,
      mounts: { ...base.mounts, user: [bind("/a/b/c"), bind("/a"), bind("/dev/shm"), bind("/etc/hosts")] },
    }).mounts.map(({ destination }) => destination);
    expect(targets.filter((target) => target === "/dev/shm")).toHaveLength(1);
    expect(targets.filter((target) => target === "/etc/hosts")).toHaveLength(1);
    expect(targets.indexOf("/a")).toBeLessThan(targets.indexOf("/a/b/c"));
  });

  it("makes kernel mounts of a read-only rootfs read-only, but for /proc and /dev", () => {
    const { mounts, root } = ociConfig(request({ readOnlyRootfs: true }));
    expect(root.readonly).toBe(true);
    const readOnly = mounts.filter(({ options }) => options.includes("ro")).map((m) => m.destination);
    expect(readOnly).toEqual(["/sys", "/sys/fs/cgroup", "/etc/resolv.conf", "/etc/hostname", "/etc/hosts"]);
  });

  it("joins and leaves namespaces as asked", () => {
    const { linux, hostname } = ociConfig(
      request(
        { cgroupnsMode: "private" },
        { namespaces: { network: { path: "/n" }, pid: "host", ipc: { path: "/i" }, uts: "host" } },
      ),
    );
    expect(linux.namespaces).toEqual([
      { type: "mount" },
      { type: "network", path: "/n" },
      { type: "ipc", path: "/i" },
      { type: "cgroup" },
    ]);
    expect(hostname).toBeUndefined();
  });

  it("clamps ulimits and the oom score to what the machine allows", () => {
    const { process } = ociConfig(
      request({
        ulimits: [
          { name: "nofile", soft: 1024, hard: 1_048_576 },
          { name: "core", soft: -1, hard: -1 },
        ],
        oomScoreAdj: -500,
      }),
    );
    expect(process.rlimits?.[0]).toEqual({ type: "RLIMIT_NOFILE", soft: 1024, hard: 20_000 });
    expect(process.rlimits?.[1]?.hard).toBeGreaterThan(2 ** 63);
    expect(process.oomScoreAdj).toBe(0);
  });

  it("starts the init in front of the command", () => {
    const { process, mounts } = ociConfig(request({ init: true }, { initPath: "/usr/bin/tini-static" }));
    expect(process.args).toEqual(["/sbin/docker-init", "--", "sleep", "600"]);
    expect(mounts.some(({ source }) => source === "/usr/bin/tini-static")).toBe(true);
  });

  it("turns limits into Docker's numbers", () => {
    const { linux } = ociConfig(
      request({ resources: { memoryBytes: 64 << 20, nanoCpus: 1.5e9, pidsLimit: 50, cpuShares: 512 } }),
    );
    expect(linux.resources.memory).toEqual({ limit: 64 << 20, swap: 128 << 20 });
    expect(linux.resources.cpu).toEqual({ shares: 512, quota: 150_000, period: 100_000 });
    expect(linux.resources.pids).toEqual({ limit: 50 });
  });

  it("gives device rules and nodes on top of the default ones", () => {
    const { linux } = ociConfig(request({ deviceCgroupRules: ["c 10:200 rw", "a *:* m"] }));
    expect(linux.resources.devices?.slice(8)).toEqual([
      { allow: true, type: "c", major: 10, minor: 200, access: "rw" },
      { allow: true, type: "a", access: "m" },
    ]);
  });

  it("refuses an unknown capability and an unknown security option by name", () => {
    expect(() => ociConfig(request({ capAdd: ["NO_SUCH"] }))).toThrow(
      'invalid CapAdd: unknown capability: "CAP_NO_SUCH"',
    );
    expect(() => ociConfig(request({ securityOptions: ["what=ever"] }))).toThrow("invalid --security-opt");
    expect(() => ociConfig(request({ securityOptions: ["seccomp={"] }))).toThrow("Decoding seccomp profile");
  });
});

describe("resolveCapabilities", () => {
  const bounding = machine.boundingCapabilities;
  it.each([
    [{ drop: ["ALL"], add: ["net_admin"] }, ["CAP_NET_ADMIN"]],
    [{ drop: ["ALL"] }, []],
    [{ drop: ["CHOWN"] }, 13],
    [{ add: ["SYS_PTRACE", "CHOWN"] }, 15],
    [{ add: ["ALL"] }, 40],
    [{ add: ["ALL"], drop: ["SYS_ADMIN"] }, 39],
  ] as const)("%j gives %j", (wish, expected) => {
    const given = resolveCapabilities({ ...wish, bounding });
    if (typeof expected === "number") expect(given).toHaveLength(expected);
    else expect(given).toEqual(expected);
  });
});
