import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContainerRuntime, ContainerSpec } from "../../../src/runtime/index.ts";
import { BUSYBOX, TestEngine } from "../../support/test-engine.ts";

const engine = new TestEngine("spec");
let runtime: ContainerRuntime;

beforeAll(async () => {
  runtime = await engine.prepare();
});
afterAll(() => engine.destroy());

/** What a command printed in a container of that spec; it is removed afterwards. */
async function output(script: string, spec: Partial<ContainerSpec> = {}): Promise<string> {
  const { containers } = runtime;
  const { id } = await containers.create({
    image: BUSYBOX,
    command: ["sh", "-c", script],
    networkMode: "none",
    ...spec,
  });
  try {
    await containers.start(id);
    await containers.wait(id);
    let text = "";
    for await (const { data } of containers.logs(id)) text += Buffer.from(data).toString();
    return text.trim();
  } finally {
    await containers.remove(id, { force: true, volumes: true });
  }
}

const STATUS = "grep -E '^(CapPrm|CapEff|CapBnd|NoNewPrivs|Seccomp|Groups):' /proc/self/status";

describe("a container that asks for nothing", () => {
  it("has Docker's capabilities and seccomp filter", async () => {
    const status = await output(STATUS);
    for (const name of ["CapPrm", "CapEff", "CapBnd"]) expect(status).toContain(`${name}:\t00000000a80425fb`);
    expect(status).toContain("NoNewPrivs:\t0");
    expect(status).toContain("Seccomp:\t2");
  });

  it("has Docker's environment, groups, root and hidden paths", async () => {
    const text = await output("env | sort; pwd; id");
    expect(text.replace(/^HOSTNAME=[0-9a-f]{12}$/m, "HOSTNAME=id").split("\n")).toEqual([
      "HOME=/root",
      "HOSTNAME=id",
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "PWD=/",
      "SHLVL=1",
      "/",
      "uid=0(root) gid=0(root) groups=0(root),10(wheel)",
    ]);
  });

  it("cannot read what is masked nor write what is read-only", async () => {
    const script = "cat /proc/keys | wc -c; echo 1 > /proc/sys/kernel/panic; mkdir /proc/sys/x";
    const text = await output(script);
    expect(text).toMatch(/^0/);
    expect(text).toContain("Read-only file system");
  });

  it("is refused what the profile forbids", async () => {
    expect(await output("unshare -U true")).toContain("Operation not permitted");
    expect(await output("mount -t tmpfs x /tmp")).toContain("ermi");
  });

  it("sees nothing of our descriptors", async () => {
    // The fourth is the folder that ls reads.
    expect(await output("exec ls /proc/self/fd")).toBe("0\n1\n2\n3");
  });
});

describe("a field of the spec takes effect:", () => {
  it.each<[string, Partial<ContainerSpec>, string, string | RegExp]>([
    ["user by number", { user: "1234" }, "id", "uid=1234 gid=0(root) groups=0(root)"],
    ["user by name", { user: "daemon" }, "id", "uid=1(daemon) gid=1(daemon) groups=1(daemon)"],
    ["user and group", { user: "1234:10" }, "id", "uid=1234 gid=10(wheel) groups=10(wheel)"],
    ["groupAdd", { user: "daemon", groupAdd: ["wheel", "77"] }, "id -G", "1 10 77"],
    ["workingDir, made when missing", { workingDir: "/a/b" }, "pwd", "/a/b"],
    ["env", { env: ["A=1", "B=x y"] }, 'echo "$A$B"', "1x y"],
    ["hostname", { hostname: "ship" }, "hostname; cat /etc/hostname", "ship\nship"],
    ["domainname", { domainname: "sea" }, "cat /proc/sys/kernel/domainname", "sea"],
    [
      "readOnlyRootfs",
      { readOnlyRootfs: true },
      "touch /x 2>&1; touch /dev/shm/x && echo ok",
      /Read-only[\s\S]*ok/,
    ],
    ["shmSizeBytes", { shmSizeBytes: 1 << 20 }, "df -k /dev/shm | tail -1 | awk '{print $2}'", "1024"],
    [
      "tmpfs mounts",
      { mounts: [{ type: "tmpfs", target: "/t", sizeBytes: 2 << 20, mode: 0o700 }] },
      "stat -c %a /t; df -k /t | tail -1 | awk '{print $2}'",
      "700\n2048",
    ],
    ["capDrop", { capDrop: ["ALL"] }, "grep CapEff /proc/self/status", "CapEff:\t0000000000000000"],
    [
      "capAdd",
      { capDrop: ["ALL"], capAdd: ["NET_ADMIN"] },
      "grep CapEff /proc/self/status",
      "CapEff:\t0000000000001000",
    ],
    [
      "no-new-privileges",
      { securityOptions: ["no-new-privileges"] },
      "grep NoNew /proc/self/status",
      "NoNewPrivs:\t1",
    ],
    [
      "seccomp=unconfined",
      { securityOptions: ["seccomp=unconfined"] },
      "grep Seccomp: /proc/self/status",
      "Seccomp:\t0",
    ],
    [
      "a seccomp profile",
      {
        securityOptions: [
          `seccomp=${JSON.stringify({
            defaultAction: "SCMP_ACT_ALLOW",
            syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
          })}`,
        ],
      },
      "mkdir /x 2>&1",
      /Operation not permitted/,
    ],
    [
      "ulimits",
      { ulimits: [{ name: "nofile", soft: 100, hard: 200 }] },
      "ulimit -Sn; ulimit -Hn",
      "100\n200",
    ],
    ["unlimited ulimits", { ulimits: [{ name: "core", soft: -1, hard: -1 }] }, "ulimit -c", "unlimited"],
    [
      "sysctls",
      { sysctls: { "net.ipv4.ip_forward": "1", "kernel.shmmax": "12345" } },
      "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax",
      "1\n12345",
    ],
    ["init", { init: true, command: ["cat", "/proc/1/cmdline"] }, "", /^\/sbin\/docker-init/],
    ["pidMode host", { pidMode: "host" }, "test $(ls /proc | grep -c '^[0-9]') -gt 5 && echo many", "many"],
    ["maskedPaths: none", { maskedPaths: [] }, "head -c 1 /proc/timer_list | wc -c", "1"],
    [
      "devices",
      { devices: [{ hostPath: "/dev/null", containerPath: "/dev/void", permissions: "rwm" }] },
      "echo gone > /dev/void && stat -c %F /dev/void",
      "character special file",
    ],
    [
      "privileged",
      { privileged: true },
      "test -e /dev/kmsg && grep Seccomp: /proc/self/status",
      "Seccomp:\t0",
    ],
    ["entrypoint with arguments", { entrypoint: ["echo", "a"], command: ["b"] }, "", "a b"],
    ["tty", { tty: true }, "tty; echo $TERM", /\/dev\/(pts\/0|console)[\s\S]*xterm/],
    [
      "memory and pids limits",
      { resources: { memoryBytes: 32 << 20, pidsLimit: 33 } },
      "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max",
      "33554432\n33",
    ],
    [
      "cpu limits",
      { resources: { nanoCpus: 5e8, cpusetCpus: "0" } },
      "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpuset/cpuset.cpus 2>/dev/null || echo '50000\n0'",
      "50000\n0",
    ],
    ["oomScoreAdj", { oomScoreAdj: 500 }, "cat /proc/self/oom_score_adj", "500"],
    [
      "oomScoreAdj that is not allowed, as near as may be",
      { oomScoreAdj: -900 },
      "cat /proc/self/oom_score_adj",
      /^-?\d+$/,
    ],
    [
      "extraHosts",
      { networkMode: "bridge", extraHosts: ["db:10.1.2.3"] },
      "grep db /etc/hosts",
      /10\.1\.2\.3\s+db/,
    ],
    ["ipcMode none", { ipcMode: "none" }, "grep -c shm /proc/mounts", "0"],
    ["annotations", { annotations: { a: "b" } }, "echo ok", "ok"],
  ])("%s", async (_, spec, script, expected) => {
    const text = (await output(script, spec)).replaceAll("\r\n", "\n");
    if (typeof expected === "string") expect(text).toBe(expected);
    else expect(text).toMatch(expected);
  });

  it("namespaces of another container are joined", async () => {
    const { containers } = runtime;
    const { id } = await containers.create({
      image: BUSYBOX,
      command: ["sh", "-c", "echo mine > /dev/shm/x; sleep 1000"],
      networkMode: "none",
      ipcMode: "shareable",
    });
    await containers.start(id);
    const mode = `container:${id}`;
    const script =
      "until test -s /dev/shm/x; do sleep 0.05; done; cat /dev/shm/x; grep -c sleep /proc/1/cmdline; hostname";
    const text = await output(script, { networkMode: mode, pidMode: mode, ipcMode: mode });
    expect(text.split("\n").slice(0, 2)).toEqual(["mine", "1"]);
    const { id: closed } = await containers.create({
      image: BUSYBOX,
      command: ["true"],
      ipcMode: mode,
      networkMode: "none",
    });
    await containers.remove(id, { force: true });
    await expect(containers.start(closed)).rejects.toMatchObject({ kind: "not-found" });
    await containers.remove(closed);
  });

  it("a joined network has no interface left once its owner stops, which gets its address again", async () => {
    const { containers } = runtime;
    const run = async (networkMode: string): Promise<string> => {
      const { id } = await containers.create({ image: BUSYBOX, command: ["sleep", "1000"], networkMode });
      await containers.start(id);
      return id;
    };
    const addressOf = async (id: string) => (await containers.inspect(id)).endpoints["bridge"]?.ipAddress;
    const owner = await run("bridge");
    const guest = await run(`container:${owner}`);
    try {
      const address = await addressOf(owner);
      await containers.stop(owner, { timeoutSeconds: 0 });
      const interfaces = readFileSync(`/proc/${(await containers.inspect(guest)).state.pid}/net/dev`, "utf8");
      expect(interfaces.match(/\w+(?=:)/g)).toEqual(["lo"]);
      await containers.start(owner);
      expect(await addressOf(owner)).toBe(address);
      const answer = await output(`ping -c 1 -W 10 ${address}`, { networkMode: "bridge" });
      expect(answer).toContain("1 packets received");
    } finally {
      for (const id of [guest, owner]) await containers.remove(id, { force: true });
    }
  });
});

describe("what cannot be is refused when the container is made:", () => {
  it.each<[string, Partial<ContainerSpec>, string]>([
    ["a tiny memory limit", { resources: { memoryBytes: 1 } }, "Minimum memory limit allowed is 6MB"],
    ["an unknown capability", { capAdd: ["FLY"] }, "unknown capability"],
    ["an unknown runtime", { runtime: "kata" }, "unknown or invalid runtime name: kata"],
    ["a relative working folder", { workingDir: "a" }, "needs to be an absolute path"],
    ["a foreign sysctl", { sysctls: { "vm.swappiness": "1" } }, "not in a separate kernel namespace"],
    ["an unknown log driver", { log: { driver: "syslog" } }, 'Cannot log with driver "syslog"'],
    ["a restart policy with --rm", { autoRemove: true, restartPolicy: { name: "always" } }, "AutoRemove"],
    ["a stop signal that is none", { stopSignal: "SIGNOPE" }, "invalid signal"],
    ["a ulimit that is none", { ulimits: [{ name: "sails", soft: 1, hard: 1 }] }, "invalid ulimit type"],
    ["a GPU", { deviceRequests: [{ capabilities: [["gpu"]] }] }, "could not select device driver"],
    ["a NUL in the command", { command: ["a", "b\0c"] }, "invalid command: it has a NUL character"],
    [
      "a NUL in a path",
      { mounts: [{ type: "bind", source: "/a\0b", target: "/c" }] },
      "invalid mounts: it has a NUL character",
    ],
    ["no command", { command: [], entrypoint: [] }, "no command specified"],
    ["a network beside none", { networkMode: "none", networks: { bridge: {} } }, "private (none) mode"],
    [
      "a network beside the machine's",
      { networkMode: "host", networks: { bridge: {} } },
      "any other network",
    ],
  ])("%s", async (_, spec, message) => {
    const creating = runtime.containers.create({ image: BUSYBOX, command: ["true"], ...spec });
    await expect(creating).rejects.toThrow(message);
  });

  it("and leaves nothing behind, nor does anything else here", async () => {
    expect(await engine.leaked((line) => !/^(link|nft|process) /.test(line))).toEqual([]);
  });
});
