import { readlinkSync } from "node:fs";
import { expect } from "vitest";
import { containerOf, engineCall, eventually, expectRefusal, statesOf } from "./checks.ts";
import { scenario } from "./scenario.ts";
import type { World } from "./world.ts";

const FILES = { files: "test/e2e/attributes", images: ["busybox"] } as const;

/** What a script says in a service's container, one stack of the folder. */
function insideOf(world: World, file: string) {
  return async (service: string, script: string) =>
    (await world.stowage(`-f ${file}.yaml exec -T ${service} sh -c '${script}'`)).stdout.trim();
}

/** A limit as the kernel keeps it, in whichever hierarchy there is. */
function limit(versionOne: string, versionTwo: string): string {
  return `cat /sys/fs/cgroup/${versionTwo} 2>/dev/null || cat /sys/fs/cgroup/${versionOne}`;
}

const hasOneHierarchy = `test -e /sys/fs/cgroup/cgroup.controllers && echo one || true`;

scenario("limits and rights that a service declares must bind its processes", FILES, async (world, step) => {
  const inside = insideOf(world, "limits");
  await step("up", () => world.stowage("-f limits.yaml up -d"));
  await step("memory, processors, processes", async () => {
    expect(await inside("own", limit("memory/memory.limit_in_bytes", "memory.max"))).toBe(`${64 * 2 ** 20}`);
    expect(await inside("own", limit("memory/memory.soft_limit_in_bytes", "memory.low"))).toBe(
      `${32 * 2 ** 20}`,
    );
    expect(await inside("own", limit("pids/pids.max", "pids.max"))).toBe("77");
    expect(await inside("own", limit("cpuset/cpuset.cpus", "cpuset.cpus"))).toBe("0");
    expect(await inside("own", "nproc")).toBe("1");
    if ((await inside("own", hasOneHierarchy)) === "one") {
      expect(await inside("own", "cat /sys/fs/cgroup/cpu.max")).toBe("20000 50000");
      expect(await inside("own", "cat /sys/fs/cgroup/memory.swap.max")).toBe(`${64 * 2 ** 20}`);
      return;
    }
    const read = (...names: readonly string[]) =>
      inside("own", `cd /sys/fs/cgroup; cat ${names.join(" ")}`).then((text) => text.split("\n"));
    expect(await read("memory/memory.memsw.limit_in_bytes", "memory/memory.swappiness")).toEqual([
      `${128 * 2 ** 20}`,
      "10",
    ]);
    expect(await read("cpu/cpu.shares", "cpu/cpu.cfs_period_us", "cpu/cpu.cfs_quota_us")).toEqual([
      "512",
      "50000",
      "20000",
    ]);
  });
  await step("what a process may have of files, cores and mercy", async () => {
    const limits = await inside("own", "cat /proc/1/limits");
    expect(limits).toMatch(/^Max core file size\s+unlimited\s+unlimited/m);
    expect(limits).toMatch(/^Max processes\s+4000\s+4000/m);
    expect(limits).toMatch(/^Max open files\s+\d+\s+200/m);
    expect(await inside("own", "ulimit -c")).toBe("unlimited");
    expect(await inside("own", "cat /proc/1/oom_score_adj")).toBe("250");
  });
  await step("deploy.resources and deploy.replicas are the same limits, for each of them", async () => {
    expect(
      (await statesOf(world, "-f limits.yaml")).filter((line) => line.includes("deployed")),
    ).toHaveLength(2);
    for (const index of [1, 2]) {
      const inReplica = async (script: string) =>
        (
          await world.stowage(`-f limits.yaml exec -T --index ${index} deployed sh -c '${script}'`)
        ).stdout.trim();
      expect(await inReplica(limit("memory/memory.limit_in_bytes", "memory.max"))).toBe(`${48 * 2 ** 20}`);
      expect(await inReplica(limit("memory/memory.soft_limit_in_bytes", "memory.low"))).toBe(
        `${24 * 2 ** 20}`,
      );
      expect(await inReplica(limit("cpu/cpu.cfs_quota_us", "cpu.max"))).toMatch(/^25000/);
      expect(await inReplica(limit("pids/pids.max", "pids.max"))).toBe("33");
    }
  });
  await step("who takes more memory than allowed is killed, and it is said", async () => {
    const { ID } = await eventually("the end", async () => {
      const found = await containerOf(world, "hungry", "-f limits.yaml");
      return found.State === "exited" && found;
    });
    expect(await engineCall(world, `/containers/${ID}/json`)).toMatchObject({
      State: { OOMKilled: true, ExitCode: 137 },
    });
  });
  await step("capabilities, new privileges, a seccomp profile of one's own", async () => {
    const status = await inside("chosen", "cat /proc/1/status");
    // Docker's fourteen without CHOWN (bit 0) and MKNOD (27), with SYS_TIME (25).
    expect(status).toMatch(/^CapEff:\s+00000000a20425fa$/m);
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(await inside("chosen", "mkdir /tmp/x 2>&1 || true")).toMatch(/not permitted/);
    expect(await inside("guarded", "mkdir /tmp/x && echo made")).toBe("made");
  });
  await step("devices with the permissions asked for, and rules for others", async () => {
    expect(await inside("chosen", "head -c 1 /dev/nought | od -An -tx1")).toBe("00");
    expect(await inside("chosen", "head -c 1 /dev/kmsg >/dev/null; echo x 2>&1 > /dev/kmsg || true")).toMatch(
      /not permitted|^$/,
    );
    if ((await inside("chosen", hasOneHierarchy)) === "one") return;
    const rules = await inside("chosen", "cat /sys/fs/cgroup/devices/devices.list");
    expect(rules).toMatch(/^c 1:11 r$/m);
    expect(rules).toMatch(/^b 7:\* r$/m);
  });
  await step("sysctls of the container's own network", async () => {
    expect(await inside("chosen", "cat /proc/sys/net/ipv4/ip_local_port_range")).toMatch(/^2000\s+3000$/);
    expect(await inside("guarded", "cat /proc/sys/net/ipv4/ip_local_port_range")).not.toMatch(/^2000\s/);
  });
  await step("privileged is all of it, and not privileged is not", async () => {
    expect(await inside("trusted", "grep Seccomp: /proc/1/status")).toMatch(/0$/);
    expect(
      await inside("trusted", "test -e /dev/kmsg && touch /sys/x 2>&1 | grep -c Read-only || true"),
    ).toBe("0");
    expect(await inside("guarded", "grep Seccomp: /proc/1/status")).toMatch(/2$/);
    expect(
      await inside("guarded", "test -e /dev/kmsg || echo none; ls /proc/acpi /sys/firmware | wc -l"),
    ).toMatch(/^none/);
  });
  await step("what the machine does not have is refused, and why is said", async () => {
    expectRefusal(await world.attempt("-f limits.yaml --profile gpu up -d gpu"), 1, /gpu|device driver/i);
    expectRefusal(await world.attempt("-f limits.yaml --profile quota up -d quota"), 1, /size|storage/i);
  });
  await step("down", () => world.stowage("-f limits.yaml --profile gpu --profile quota down -t 0"));
});

scenario("what a service sees around itself must be what it declares", FILES, async (world, step) => {
  world.env["FROM_SHELL"] = "1234";
  const inside = insideOf(world, "places");
  await step("up", () => world.stowage("-f places.yaml up -d"));
  await step("user, groups, folder, terminal", async () => {
    expect(await inside("named", "id -u; id -g; id -G; pwd")).toBe("1000\n1001\n1001 33 4242\n/made/for/me");
    expect(await inside("named", "readlink /proc/1/fd/0; echo $A")).toBe("/dev/pts/0\n1");
  });
  await step("names and name servers", async () => {
    expect(await inside("named", "hostname -f")).toBe("chosen.example.test");
    const hosts = await inside("named", "cat /etc/hosts");
    for (const line of [
      /^203\.0\.113\.9\s+elsewhere$/m,
      /^2001:db8::9\s+elsewhere$/m,
      /^\d+\.\d+\.\d+\.1\s+gw$/m,
    ])
      expect(hosts).toMatch(line);
    const resolv = await inside("named", "cat /etc/resolv.conf");
    for (const line of [
      /^search a\.test b\.test$/m,
      /^options .*ndots:3.* ?timeout:1|^options timeout:1 ndots:3/m,
    ])
      expect(resolv).toMatch(line);
    expect(resolv).toContain("ExtServers: [192.0.2.53 192.0.2.54]");
  });
  await step("labels, annotations and exposed ports are told", async () => {
    const { ID } = await containerOf(world, "named", "-f places.yaml");
    expect(await engineCall(world, `/containers/${ID}/json`)).toMatchObject({
      Config: {
        Labels: { owner: "somebody" },
        ExposedPorts: { "7000/tcp": {}, "7001/udp": {}, "7002/udp": {} },
      },
      HostConfig: { Annotations: { note: "some" } },
    });
  });
  await step("a sealed one can write only where it was allowed to", async () => {
    expect(await inside("sealed", "touch /x 2>&1 || true")).toMatch(/Read-only/);
    expect(await inside("sealed", "touch /tmp/x /run/x && stat -c %a:%u /run")).toBe("700:5");
    expect(await inside("sealed", 'df -k /run | tail -1 | tr -s " " | cut -d" " -f2')).toBe("1024");
  });
  await step("cgroup: host sees the machine's tree, private only its own", async () => {
    expect(await inside("sealed", "grep -c stowage- /proc/self/cgroup | grep -v ^0")).not.toBe("");
    expect(await inside("files", "grep -c stowage- /proc/self/cgroup || true")).toBe("0");
  });
  await step("namespaces of others are shared", async () => {
    const { pids } = await namespaces(world);
    const own = (service: string, kind: string) => readlinkSync(`/proc/${pids[service]}/ns/${kind}`);
    expect(own("joined", "net")).toBe(own("named", "net"));
    expect(own("joined", "pid")).toBe(own("named", "pid"));
    expect(own("joined", "ipc")).toBe(own("sealed", "ipc"));
    for (const kind of ["pid", "ipc", "uts"])
      expect(own("host", kind)).toBe(readlinkSync(`/proc/self/ns/${kind}`));
    for (const kind of ["pid", "ipc", "uts", "net", "cgroup"])
      expect(own("files", kind)).not.toBe(readlinkSync(`/proc/self/ns/${kind}`));
    expect(await inside("joined", "hostname; ps | grep -c [s]leep")).toMatch(/^chosen\n[234]$/);
  });
  await step("configs and secrets: content, variable and file, with owner and mode", async () => {
    expect(await inside("files", "cat /etc/text.conf; stat -c %u:%g:%a /etc/text.conf")).toBe(
      "port=1234\n1000:1001:440",
    );
    expect(await inside("files", "cat /etc/variable.conf; stat -c :%u:%g:%a /etc/variable.conf")).toBe(
      "1234:0:0:444",
    );
    expect(await inside("files", "cat /run/secrets/env; stat -c :%u:%g:%a /run/secrets/env")).toBe(
      "1234:1000:0:400",
    );
    expect(await inside("files", "grep -c SCMP_ACT_ALLOW /file /run/secrets/deep/key")).toBe(
      "/file:1\n/run/secrets/deep/key:1",
    );
    expect(await inside("files", "echo x 2>&1 > /run/secrets/deep/key || true")).toMatch(/Read-only|^$/);
  });
  await step(
    "volumes_from brings named and anonymous volumes, not configs and secrets' contents",
    async () => {
      await inside("files", "echo both > /kept/x; echo too > /anonymous/x");
      expect(await inside("joined", "cat /kept/x /anonymous/x; touch /kept/y 2>&1 || true")).toMatch(
        /^both\ntoo\n.*Read-only/,
      );
      expect(await inside("joined", "test -e /etc/text.conf || echo none")).toBe("none");
    },
  );
  await step("down", () => world.stowage("-f places.yaml down -v -t 0"));
});

async function namespaces(world: World): Promise<{ readonly pids: Readonly<Record<string, number>> }> {
  const services = ["named", "sealed", "joined", "host", "files"];
  const found = services.map(async (service) => {
    const { ID } = await containerOf(world, service, "-f places.yaml");
    const inspected = (await engineCall(world, `/containers/${ID}/json`)) as { State: { Pid: number } };
    return [service, inspected.State.Pid] as const;
  });
  return { pids: Object.fromEntries(await Promise.all(found)) };
}

scenario("a container's life must go as its service declares", FILES, async (world, step) => {
  const inside = insideOf(world, "life");
  const stack = "-f life.yaml";
  await step("up, though one optional dependency is sick", () => world.stowage(`${stack} up -d`));
  await step("who needs a healthy service starts after it is", async () => {
    const healthy = Date.parse(await firstSuccess(world));
    expect(Date.parse(await startedOf(world, "follower"))).toBeGreaterThan(healthy);
    expect((await containerOf(world, "indifferent", stack)).State).toBe("running");
  });
  await step(
    "hooks before the start, in containers that are gone, with the volumes and networks",
    async () => {
      expect(await inside("hooked", "cat /out/pre-start")).toMatch(/^0 \/tmp hook .*eth0/);
      expect(await inside("hooked", "cat /out/privileged-before")).toMatch(/CapEff:\s+0*1[0-9a-f]{10}$/);
      expect((await world.stowage("container ls -a")).stdout).not.toContain("pre-start");
    },
  );
  await step("hooks after the start, as whom, where and with what they ask", async () => {
    expect(await inside("hooked", "cat /out/post-start")).toBe("0 /tmp hook");
    expect(await inside("hooked", "cat /out/privileged")).toMatch(/CapEff:\s+0*1[0-9a-f]{10}$/);
  });
  await step("deploy.restart_policy: so many attempts and no more", async () => {
    await eventually("three runs", async () => {
      const { ID } = await containerOf(world, "flaky", stack);
      const { RestartCount, State } = (await engineCall(world, `/containers/${ID}/json`)) as {
        RestartCount: number;
        State: { Status: string };
      };
      return RestartCount === 2 && State.Status === "exited";
    });
    expect(await inside("hooked", "cat /out/flaky")).toBe("x\nx\nx");
    expect((await containerOf(world, "flaky", stack)).ExitCode).toBe(5);
  });
  await step(
    "a log is kept as small as its options say, a logger that keeps nothing has nothing",
    async () => {
      await eventually("older lines are gone", async () => {
        const { stdout } = await world.stowage(`${stack} logs --no-log-prefix logged`);
        return stdout !== "" && !stdout.startsWith("line 1 ");
      });
      const silent = await world.attempt(`${stack} logs silent`);
      expect(silent.stdout + silent.stderr).toMatch(/does not support reading/);
    },
  );
  await step("stop: the signal asked for, the patience asked for, the hook before", async () => {
    await world.stowage(`${stack} stop signalled stubborn hooked`);
    const codes = await Promise.all(
      ["signalled", "stubborn", "hooked"].map((name) => containerOf(world, name, stack)),
    );
    expect(codes.map(({ State, ExitCode }) => `${State} ${ExitCode}`)).toEqual([
      "exited 3",
      "exited 137",
      "exited 143",
    ]);
    expect(await inside("follower", "cat /out/signal /out/pre-stop")).toBe("usr1\nstopping");
  });
  await step(
    "depends_on restart: a dependent restarts with what it needs, as the same container",
    async () => {
      const before = await containerOf(world, "follower", stack);
      const [runsSince, indifferent] = [
        await startedOf(world, "follower"),
        await startedOf(world, "indifferent"),
      ];
      await world.stowage(`${stack} restart healthy`);
      const afterRestart = await startedOf(world, "follower");
      expect(afterRestart).not.toBe(runsSince);
      world.env["LEVEL"] = "2";
      await world.stowage(`${stack} up -d`);
      expect(await startedOf(world, "follower")).not.toBe(afterRestart);
      expect((await containerOf(world, "follower", stack)).ID).toBe(before.ID);
      expect(await startedOf(world, "indifferent")).toBe(indifferent);
    },
  );
  await step("down", () => world.stowage(`${stack} down -v -t 1`));
});

async function startedOf(world: World, service: string): Promise<string> {
  const { ID } = await containerOf(world, service, "-f life.yaml");
  const { State } = (await engineCall(world, `/containers/${ID}/json`)) as { State: { StartedAt: string } };
  return State.StartedAt;
}

async function firstSuccess(world: World): Promise<string> {
  const { ID } = await containerOf(world, "healthy", "-f life.yaml");
  const { State } = (await engineCall(world, `/containers/${ID}/json`)) as {
    State: {
      StartedAt: string;
      Health: { Status: string; Log: readonly { ExitCode: number; End: string }[] };
    };
  };
  expect(State.Health.Status).toBe("healthy");
  // The ready file comes a second after the start; the log holds only the last probes.
  return new Date(Date.parse(State.StartedAt) + 1000).toISOString();
}

scenario("addresses, routes and names must be those that a service declares", FILES, async (world, step) => {
  const inside = insideOf(world, "lines");
  await step("up", () => world.stowage("-f lines.yaml up -d"));
  await step("fixed addresses, hardware addresses, names of interfaces, link-local ones", async () => {
    const addresses = await inside("routed", "ip -o addr");
    expect(addresses).toMatch(/eth0 +inet 10\.232\.7\.9\/24 brd 10\.232\.7\.255 /);
    expect(addresses).toMatch(/lan0 +inet 169\.254\.8\.8\/16 /);
    expect(await inside("routed", "cat /sys/class/net/eth0/address /sys/class/net/eth0/mtu")).toBe(
      "02:42:0a:e8:07:63\n1300",
    );
    expect(await inside("opted", "cat /sys/class/net/eth0/address")).toBe("02:42:0a:e8:07:64");
    expect(await inside("six", "ip -o -6 addr show dev eth0")).toContain("fd00:232::99/64");
  });
  await step("the way out is the network with the highest gw_priority", async () => {
    expect(await inside("routed", "ip route | grep ^default")).toMatch(/dev lan0/);
    expect(await inside("six", "ip route | grep ^default")).toMatch(/via 10\.232\.7\.254 dev eth0/);
    expect(await inside("six", "ip -6 route | grep ^default")).toMatch(/via fd00:232::1 dev eth0/);
  });
  await step("others get addresses of the range, never a reserved one", async () => {
    for (const service of ["six", "asker", "opted"])
      expect(await inside(service, "ip -o -4 addr show dev eth0 | cut -d. -f4")).toMatch(
        /^(129|1[3-9]\d|2[0-4]\d|25[0-3])\//,
      );
  });
  await step("aliases and links are names", async () => {
    for (const name of ["face", "routed", "alias", "routed-1", "lines-routed-1"])
      expect(await inside("asker", `nslookup -type=a ${name} | grep -A1 ^Name | tail -1`)).toBe(
        "Address: 10.232.7.9",
      );
    expect(await inside("asker", "nslookup -type=aaaa sixth | grep -A1 ^Name | tail -1")).toBe(
      "Address: fd00:232::99",
    );
  });
  await step("an endpoint's own sysctls", async () =>
    expect(await inside("opted", "cat /proc/sys/net/ipv4/conf/eth0/log_martians")).toBe("1"),
  );
  await step("the network itself", async () =>
    expect(await engineCall(world, "/networks/lines_zeta")).toMatchObject({
      Labels: { owner: "somebody" },
      Attachable: true,
      EnableIPv6: true,
    }),
  );
  await step("down", () => world.stowage("-f lines.yaml down -t 0"));
});
