import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  execIn,
  GLANCE_MS,
  NetworkBench,
  type OpenContainer,
  pageFrom,
  pageFromHost,
  pageLater,
  udpFrom,
  udpFromHost,
  until,
} from "./support/network-bench.ts";

let bench: NetworkBench;
beforeAll(async () => {
  bench = await NetworkBench.start();
});
afterEach(async () => {
  await bench.reset();
});
afterAll(async () => {
  await bench.stop();
  await until(() => bench.leftovers().length === 0).catch(() => undefined);
  expect(bench.leftovers()).toEqual([]);
});

/** An address of the machine that is neither loopback nor ours. */
function machineAddress(): string {
  const found = Object.entries(networkInterfaces())
    .filter(([name]) => !name.startsWith("st") && !name.startsWith("docker") && !name.startsWith("br-"))
    .flatMap(([, addresses]) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal);
  if (found === undefined) throw new Error("this machine has no address besides loopback");
  return found.address;
}

describe("published ports", () => {
  it("reach the container from every address of the host, from other networks, and from itself", async () => {
    await bench.network("front");
    await bench.network("other");
    const web = await bench.container(
      "web",
      { front: {} },
      { ports: [{ containerPort: 80, protocol: "tcp", hostPort: 27180 }] },
    );
    const peer = await bench.container("peer", { front: {} });
    const stranger = await bench.container("stranger", { other: {} });
    await bench.serve(web, 80, "web");
    expect(web.sandbox.ports).toEqual([
      { containerPort: 80, protocol: "tcp", hostIp: "0.0.0.0", hostPort: 27180 },
      { containerPort: 80, protocol: "tcp", hostIp: "::", hostPort: 27180 },
    ]);
    const gateway = web.sandbox.endpoints["front"]?.gateway ?? "";
    for (const address of ["127.0.0.1", "[::1]", machineAddress(), gateway, "localhost"])
      expect([address, await pageFromHost(`http://${address}:27180/`)]).toEqual([address, "web"]);
    for (const [who, from] of Object.entries({ peer, stranger, web }))
      expect([who, pageFrom(from, `http://${machineAddress()}:27180/`)]).toEqual([who, "web"]);
    await bench.close(web);
    expect(await pageFromHost("http://127.0.0.1:27180/", GLANCE_MS)).toBeUndefined();
    expect(pageFrom(peer, `http://${machineAddress()}:27180/`, GLANCE_MS)).toBeUndefined();
  });

  it("on one address are there and nowhere else", async () => {
    await bench.network("front");
    const web = await bench.container(
      "web",
      { front: {} },
      { ports: [{ containerPort: 80, protocol: "tcp", hostIp: "127.0.0.1", hostPort: 27181 }] },
    );
    const peer = await bench.container("peer", { front: {} });
    await bench.serve(web, 80, "web");
    expect(await pageFromHost("http://127.0.0.1:27181/")).toBe("web");
    for (const address of ["[::1]", machineAddress(), web.sandbox.endpoints["front"]?.gateway])
      expect([address, await pageFromHost(`http://${address}:27181/`, GLANCE_MS)]).toEqual([
        address,
        undefined,
      ]);
    expect(pageFrom(peer, `http://${machineAddress()}:27181/`, GLANCE_MS)).toBeUndefined();
  });

  it("carry datagrams", async () => {
    await bench.network("front");
    const echo = await bench.container(
      "echo",
      { front: {} },
      { ports: [{ containerPort: 53, protocol: "udp", hostPort: 27153 }] },
    );
    const peer = await bench.container("peer", { front: {} });
    await bench.serveUdp(echo, 53, "echo");
    for (const address of ["127.0.0.1", "::1", machineAddress()])
      expect([address, await udpFromHost(address, 27153)]).toEqual([address, "echo"]);
    for (const from of [peer, echo]) expect(udpFrom(from, machineAddress(), 27153)).toBe("echo");
  });

  it("lead a client that never stops sending to whoever publishes them now", async () => {
    await bench.network("front");
    const ports = [{ containerPort: 53, protocol: "udp", hostPort: 27154 } as const];
    const client = createSocket("udp4").bind(0, "127.0.0.1");
    const answers: string[] = [];
    client.on("message", (message) => answers.push(String(message)));
    let sending: NodeJS.Timeout | undefined;
    try {
      for (const name of ["first", "second"]) {
        const echo = await bench.container(name, { front: {} }, { ports });
        await bench.serveUdp(echo, 53, name);
        sending ??= setInterval(() => client.send("q", 27154, "127.0.0.1"), 20);
        await until(() => answers.at(-1) === name);
        await bench.close(echo);
        // The address has a new owner before the port has: what the kernel remembers would lead there.
        await bench.container(`after-${name}`, { front: {} });
      }
    } finally {
      clearInterval(sending);
      client.close();
    }
  });

  it("may be any free one, one of a range, and every exposed one", async () => {
    await bench.network("front");
    const first = await bench.container(
      "first",
      { front: {} },
      {
        publishAllPorts: true,
        ports: [
          { containerPort: 80, protocol: "tcp", hostPort: { first: 27190, last: 27192 } },
          { containerPort: 81, protocol: "tcp" },
        ],
      },
      ["80/tcp", "5353/udp", "90/tcp"],
    );
    const second = await bench.container(
      "second",
      { front: {} },
      {
        ports: [{ containerPort: 80, protocol: "tcp", hostPort: { first: 27190, last: 27192 } }],
      },
    );
    expect(first.sandbox.ports[0]).toMatchObject({ hostPort: 27190 });
    expect(second.sandbox.ports[0]).toMatchObject({ hostPort: 27191 });
    const random = first.sandbox.ports.filter(({ containerPort }) => containerPort !== 80);
    expect(random.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`)).toEqual([
      ...["81/tcp", "81/tcp", "5353/udp", "5353/udp", "90/tcp", "90/tcp"],
    ]);
    for (const port of random) expect(port.hostPort).toBeGreaterThan(1023);
    expect(random[0]?.hostPort).toBe(random[1]?.hostPort);
    await bench.serve(first, 81, "first");
    expect(await pageFromHost(`http://127.0.0.1:${random[0]?.hostPort}/`)).toBe("first");
  });

  it("are refused while another has them, naming who, and leave nothing behind", async () => {
    await bench.network("front");
    const ports = [{ containerPort: 80, protocol: "tcp", hostPort: 27180 } as const];
    const owner = await bench.container("owner", { front: {} }, { ports });
    await expect(bench.container("late", { front: {} }, { ports })).rejects.toMatchObject({
      kind: "conflict",
      message: 'Bind for 0.0.0.0:27180 failed: port is already allocated (by container "owner")',
    });
    await expect(bench.part.checkPorts(ports, "another")).rejects.toMatchObject({ kind: "conflict" });
    await expect(bench.part.checkPorts(ports, owner.id)).resolves.toBeUndefined();
    expect((await bench.part.port.inspect("front")).members).toHaveLength(1);

    const server = createServer().listen(27199, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    try {
      const taken = [{ containerPort: 80, protocol: "tcp", hostPort: 27199 } as const];
      await expect(bench.container("late", { front: {} }, { ports: taken })).rejects.toThrow(
        new RegExp(
          `Bind for 0.0.0.0:27199 failed: port is already allocated \\(by program ".*" \\(pid ${process.pid}\\)\\)`,
        ),
      );
    } finally {
      server.close();
    }
  });
});

describe("networks", () => {
  it("let members talk to each other and to nobody of another network", async () => {
    await bench.network("front");
    await bench.network("other");
    const web = await bench.container("web", { front: {} });
    const peer = await bench.container("peer", { front: {} });
    const stranger = await bench.container("stranger", { other: {} });
    await bench.serve(web, 80, "web");
    expect(pageFrom(peer, `http://${web.address("front")}/`)).toBe("web");
    expect(await pageFromHost(`http://${web.address("front")}/`)).toBe("web");
    expect(pageFrom(stranger, `http://${web.address("front")}/`, GLANCE_MS)).toBeUndefined();
  });

  it("that are internal have no way out and none to the host, but answer", async () => {
    await bench.network("inside", { internal: true });
    const web = await bench.container(
      "web",
      { inside: {} },
      { ports: [{ containerPort: 80, protocol: "tcp", hostPort: 27183 }] },
    );
    const peer = await bench.container("peer", { inside: {} });
    await bench.serve(web, 80, "web");
    expect(web.sandbox.endpoints["inside"]?.gateway).toBeUndefined();
    expect(execIn(web.netns, "ip", "route")).not.toContain("default");
    expect(pageFrom(peer, `http://${web.address("inside")}/`)).toBe("web");
    for (const address of ["127.0.0.1", machineAddress()])
      expect([address, await pageFromHost(`http://${address}:27183/`)]).toEqual([address, "web"]);
    const server = createServer((socket) => socket.end()).listen(27198, "0.0.0.0");
    const gateway = (await bench.part.port.inspect("inside")).ipam.pools[0]?.gateway;
    expect(pageFrom(web, `http://${gateway}:27198/`, GLANCE_MS)).toBeUndefined();
    // Even with a route made by hand.
    execIn(web.netns, "ip", "route", "add", "default", "via", gateway ?? "");
    expect(pageFrom(web, `http://${machineAddress()}:27198/`, GLANCE_MS)).toBeUndefined();
    server.close();
  });

  it("without inter-container traffic keep members apart, not from the host", async () => {
    await bench.network("apart", { options: { "com.docker.network.bridge.enable_icc": "false" } });
    const web = await bench.container(
      "web",
      { apart: {} },
      { ports: [{ containerPort: 80, protocol: "tcp", hostPort: 27184 }] },
    );
    const peer = await bench.container("peer", { apart: {} });
    await bench.serve(web, 80, "web");
    expect(pageFrom(peer, `http://${web.address("apart")}/`, GLANCE_MS)).toBeUndefined();
    expect(await pageFromHost("http://127.0.0.1:27184/")).toBe("web");
  });

  it("keep the host's loopback from containers that route to it", async () => {
    await bench.network("front");
    const attacker = await bench.container("attacker", { front: {} });
    const server = createServer((socket) => socket.end("HTTP/1.0 200 OK\r\n\r\nhost")).listen(
      27197,
      "127.0.0.1",
    );
    const gateway = attacker.sandbox.endpoints["front"]?.gateway ?? "";
    await bench.host.sysctl(
      { "net/ipv4/conf/all/route_localnet": "1", "net/ipv4/conf/eth0/route_localnet": "1" },
      attacker.netns,
    );
    execIn(attacker.netns, "ip", "addr", "del", "127.0.0.1/8", "dev", "lo");
    execIn(attacker.netns, "ip", "route", "add", "127.0.0.1/32", "via", gateway);
    expect(pageFrom(attacker, "http://127.0.0.1:27197/", GLANCE_MS)).toBeUndefined();
    server.close();
  });

  it("carry IPv6 when asked to, with a prefix of their own", async () => {
    await bench.network("six", { enableIpv6: true });
    const [, pool] = (await bench.part.port.inspect("six")).ipam.pools;
    expect(pool?.subnet).toMatch(/^fd[0-9a-f:]+::\/64$/);
    const web = await bench.container(
      "web",
      { six: {} },
      { ports: [{ containerPort: 80, protocol: "tcp", hostPort: 27186 }] },
    );
    const peer = await bench.container("peer", { six: {} });
    await bench.serve(web, 80, "web");
    const { globalIpv6Address, globalIpv6PrefixLength, ipv6Gateway } = web.sandbox.endpoints["six"] ?? {};
    expect(globalIpv6PrefixLength).toBe(64);
    expect(pageFrom(peer, `http://[${globalIpv6Address}]/`)).toBe("web");
    expect(await pageFromHost(`http://[${ipv6Gateway}]:27186/`)).toBe("web");
    expect(await pageFromHost("http://[::1]:27186/")).toBe("web");
    expect(pageFrom(web, `http://[${ipv6Gateway}]:27186/`)).toBe("web");
  });

  it("give fixed addresses inside a chosen subnet, and say why not", async () => {
    await bench.network("fixed", {
      ipam: {
        pools: [
          {
            subnet: "10.187.50.0/24",
            ipRange: "10.187.50.128/25",
            gateway: "10.187.50.254",
            auxAddresses: { printer: "10.187.50.128" },
          },
        ],
      },
    });
    const free = await bench.container("free", { fixed: {} });
    expect(free.sandbox.endpoints["fixed"]).toMatchObject({
      ipAddress: "10.187.50.129",
      gateway: "10.187.50.254",
    });
    const fixed = await bench.container("fixed", {
      fixed: { ipv4Address: "10.187.50.7", macAddress: "02:00:00:00:00:07" },
    });
    expect(fixed.address("fixed")).toBe("10.187.50.7");
    expect(execIn(fixed.netns, "cat", "/sys/class/net/eth0/address").length).toBeGreaterThan(0);
    await expect(bench.container("again", { fixed: { ipv4Address: "10.187.50.7" } })).rejects.toMatchObject({
      kind: "conflict",
      message: expect.stringMatching(/Address already in use.*container "fixed"/),
    });
    await expect(bench.container("out", { fixed: { ipv4Address: "10.9.9.9" } })).rejects.toMatchObject({
      kind: "invalid",
    });
    await bench.network("plain");
    await expect(bench.container("no", { plain: { ipv4Address: "172.18.0.9" } })).rejects.toMatchObject({
      kind: "invalid",
    });
    await expect(
      bench.network("overlap", { ipam: { pools: [{ subnet: "10.187.50.64/26" }] } }),
    ).rejects.toMatchObject({
      kind: "forbidden",
      message: expect.stringContaining("Pool overlaps with other one on this address space"),
    });
  });

  it("cannot be removed while they have members; predefined ones never", async () => {
    await bench.network("front");
    const web = await bench.container("web", { front: {} });
    await expect(bench.part.port.remove("front")).rejects.toMatchObject({
      kind: "forbidden",
      message: expect.stringContaining('name:"web"'),
    });
    await bench.close(web);
    await bench.part.port.remove("front");
    await expect(bench.part.port.inspect("front")).rejects.toMatchObject({ kind: "not-found" });
    await expect(bench.part.port.remove("bridge")).rejects.toMatchObject({ kind: "forbidden" });
  });

  it("come back when somebody deletes the bridge or flushes the rules", async () => {
    const id = await bench.network("front");
    execFileSync("ip", ["link", "del", `stw${bench.layout.instance.slice(0, 6)}${id.slice(0, 6)}`]);
    execFileSync("nft", ["delete", "table", "inet", `stowage_${bench.layout.instance}`]);
    const web = await bench.container(
      "web",
      { front: {} },
      { ports: [{ containerPort: 80, protocol: "tcp", hostPort: 27180 }] },
    );
    await bench.serve(web, 80, "web");
    expect(await pageFromHost("http://127.0.0.1:27180/")).toBe("web");
  });

  it("of a machine that did not forward leave its other interfaces as unconnected as they were", () => {
    const rules = execFileSync(
      "nft",
      ["list", "chain", "inet", `stowage_${bench.layout.instance}`, "forward"],
      { encoding: "utf8" },
    );
    expect(rules).toContain("iifname @strangers4 oifname @strangers4 drop");
    expect(readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim()).toBe("1");
  });
});

describe("a neighbour on the machine's own network", () => {
  let neighbour: OpenContainer;
  const link = "stneighbour0";
  beforeAll(() => {
    const netns = join(bench.folder, "neighbour");
    writeFileSync(netns, "");
    const script = `
      unshare --net=${netns} true
      ip link add ${link} type veth peer name eth0 netns ${netns}
      ip addr add 10.187.60.1/24 dev ${link}; ip addr add fd00:187:60::1/64 dev ${link} nodad; ip link set ${link} up
      n() { nsenter --net=${netns} ip "$@"; }
      n link set lo up; n addr add 10.187.60.2/24 dev eth0; n addr add fd00:187:60::2/64 dev eth0 nodad; n link set eth0 up
      n route add default via 10.187.60.1; n -6 route add default via fd00:187:60::1`;
    execFileSync("sh", ["-euc", script]);
    neighbour = { netns } as OpenContainer;
  });
  afterAll(() => {
    execFileSync("sh", ["-c", `ip link delete ${link}; umount ${neighbour.netns}; rm ${neighbour.netns}`]);
  });

  it("reaches what is published to all, and nothing else, over IPv4 and IPv6", async () => {
    await bench.network("six", { enableIpv6: true });
    await bench.network("inside", { internal: true, enableIpv6: true });
    const web = await bench.container(
      "web",
      { six: {} },
      {
        ports: [
          { containerPort: 80, protocol: "tcp", hostPort: 27187 },
          { containerPort: 81, protocol: "tcp", hostIp: "127.0.0.1", hostPort: 27188 },
          { containerPort: 81, protocol: "tcp", hostIp: "::1", hostPort: 27188 },
        ],
      },
    );
    const hidden = await bench.container("hidden", { inside: {} });
    for (const port of [80, 81, 82]) await bench.serve(web, port, `port ${port}`);
    await bench.serve(hidden, 80, "hidden");
    const own = web.sandbox.endpoints["six"];
    const addresses = [own?.ipAddress, `[${own?.globalIpv6Address}]`];
    // The link has only come up: neighbour discovery takes its time.
    for (const host of ["10.187.60.1", "[fd00:187:60::1]"])
      await expect
        .poll(() => [host, pageFrom(neighbour, `http://${host}:27187/`, GLANCE_MS)])
        .toEqual([host, "port 80"]);
    expect(await pageFromHost("http://127.0.0.1:27188/")).toBe("port 81");

    // A route to the machine's loopback, as an attacker would set.
    execIn(neighbour.netns, "ip", "addr", "del", "127.0.0.1/8", "dev", "lo");
    execIn(neighbour.netns, "ip", "route", "add", "127.0.0.0/8", "via", "10.187.60.1");
    execFileSync("nsenter", [
      `--net=${neighbour.netns}`,
      "sysctl",
      "-qw",
      "net.ipv4.conf.all.route_localnet=1",
    ]);
    const blocked = [
      ...["10.187.60.1:27188", "[fd00:187:60::1]:27188", "127.0.0.1:27188"],
      ...addresses.flatMap((address) => [80, 81, 82].map((port) => `${address}:${port}`)),
      ...[
        hidden.sandbox.endpoints["inside"]?.ipAddress,
        `[${hidden.sandbox.endpoints["inside"]?.globalIpv6Address}]`,
      ],
    ];
    const pages = await Promise.all(
      blocked.map((host) => pageLater(neighbour, `http://${host}/`, GLANCE_MS)),
    );
    expect(Object.fromEntries(blocked.map((host, index) => [host, pages[index]]))).toEqual(
      Object.fromEntries(blocked.map((host) => [host, undefined])),
    );
  });
});

describe("modes", () => {
  it("default bridge: an address, the host's resolvers, no names", async () => {
    const web = await bench.container("web", {}, { networkMode: "bridge" });
    expect(web.sandbox.endpoints["bridge"]).toMatchObject({ networkName: "bridge", ipPrefixLength: 16 });
    expect(web.sandbox.endpoints["bridge"]?.dnsNames).toBeUndefined();
    expect(web.sandbox.resolvConf).not.toContain("127.0.0.11");
    expect(web.sandbox.hosts).toContain(`${web.address("bridge")}\t${web.id.slice(0, 12)}\n`);
  });

  it("none: a loopback and nothing else", async () => {
    const web = await bench.container("web", {}, { networkMode: "none" });
    expect(execIn(web.netns, "ip", "-o", "link").trim().split("\n")).toHaveLength(1);
    expect(web.sandbox.hosts).not.toContain(web.id.slice(0, 12));
  });

  it("host: the machine's namespace and files", async () => {
    const web = await bench.container("web", {}, { networkMode: "host", extraHosts: ["db:10.0.0.9"] });
    expect(web.sandbox.netnsPath).toBeUndefined();
    expect(web.sandbox.hosts).toBe(`${readFileSync("/etc/hosts", "utf8")}10.0.0.9\tdb\n`);
    expect((await bench.part.port.inspect("host")).members).toHaveLength(1);
  });

  it("of another container: its files, and no namespace of one's own", async () => {
    await bench.network("front");
    const owner = await bench.container("owner", { front: {} });
    const guest = await bench.container("guest", {}, { networkMode: "container:owner" }, ["80/tcp"]);
    expect(guest.sandbox).toMatchObject({
      endpoints: {},
      ports: [],
      hosts: owner.sandbox.hosts,
      resolvConf: owner.sandbox.resolvConf,
    });
    await expect(bench.container("lost", {}, { networkMode: "container:absent" })).rejects.toMatchObject({
      kind: "conflict",
    });
  });
});

describe("a namespace that others have joined", () => {
  const portsOf = (network: string) =>
    readdirSync(`/sys/class/net/stw${bench.layout.instance.slice(0, 6)}${network.slice(0, 6)}/brif`);

  it("gives up its addresses when its owner ends before them", async () => {
    const front = await bench.network("front");
    const owner = await bench.container("owner", { front: {} });
    const peer = await bench.container("peer", { front: {} });
    const guide = await bench.container("guide", {}, { networkMode: "container:owner" });
    await bench.container("guest", {}, { networkMode: "container:guide" });
    // Stands for a process of the guest, which keeps the namespace.
    await bench.serve(owner, 80, "old");
    await bench.close(guide);
    await bench.close(owner);
    expect(portsOf(front)).toHaveLength(1); // the peer's
    const again = await bench.container("owner", { front: {} });
    expect(again.address("front")).toBe(owner.address("front"));
    await bench.serve(again, 80, "new");
    expect(pageFrom(peer, `http://${again.address("front")}/`)).toBe("new");
  });

  it("does so, too, when the daemon has lost what it had written down", async () => {
    const front = await bench.network("front");
    const owner = await bench.container("owner", { front: {} });
    await bench.container("guest", {}, { networkMode: `container:${owner.id}` });
    await bench.serve(owner, 80, "old");
    rmSync(join(bench.layout.dnsDir, "sandboxes"), { recursive: true });
    await bench.restart();
    await bench.close(owner);
    expect(portsOf(front)).toEqual([]);
  });
});

describe("attach and detach", () => {
  it("move the way out and the published ports along", async () => {
    await bench.network("back", { internal: true });
    await bench.network("front");
    const web = await bench.container(
      "web",
      { back: {} },
      { ports: [{ containerPort: 80, protocol: "tcp", hostPort: 27180 }] },
    );
    await bench.serve(web, 80, "web");
    const info = await bench.part.attach(web.id, "front", { aliases: ["late"] });
    expect(info.dnsNames).toContain("late");
    expect(execIn(web.netns, "ip", "route")).toContain(`default via ${info.gateway} dev eth1`);
    expect(await pageFromHost("http://127.0.0.1:27180/")).toBe("web");
    expect((await bench.part.texts(web.id))?.hosts).toContain(info.ipAddress);
    await expect(bench.part.attach(web.id, "front", {})).rejects.toMatchObject({ kind: "forbidden" });

    await bench.part.detach(web.id, "front");
    expect(execIn(web.netns, "ip", "route")).not.toContain("default");
    expect(execIn(web.netns, "ip", "-o", "link")).not.toContain("eth1");
    expect(await pageFromHost("http://127.0.0.1:27180/")).toBe("web");
    await bench.part.port.remove("front");
  });
});

describe("a restart of the daemon", () => {
  it("takes over what runs and clears away what does not", async () => {
    await bench.network("front");
    const ports = [{ containerPort: 80, protocol: "tcp", hostPort: 27180 } as const];
    const kept = await bench.container("kept", { front: {} }, { ports });
    const lost = await bench.container(
      "lost",
      { front: {} },
      { ports: [{ containerPort: 80, protocol: "tcp", hostPort: 27185 }] },
    );
    await bench.serve(kept, 80, "kept");
    bench.open.delete(lost.id);
    await bench.restart();
    expect(await pageFromHost("http://127.0.0.1:27180/")).toBe("kept");
    expect(await pageFromHost("http://[::1]:27180/")).toBe("kept");
    await expect(bench.container("late", { front: {} }, { ports })).rejects.toThrow(
      /already allocated \(by container "kept"\)/,
    );
    expect(
      (await bench.part.port.inspect("front")).members.map(({ containerName }) => containerName),
    ).toEqual(["kept"]);
    const next = await bench.container(
      "next",
      { front: {} },
      { ports: [{ containerPort: 80, protocol: "tcp", hostPort: 27185 }] },
    );
    expect(next.address("front")).toBe(lost.address("front"));
    await until(() => bench.links().length === 3); // bridge, two containers
  });

  it("finds what a crash left half-made", async () => {
    const id = await bench.network("front");
    const prefix = bench.layout.instance.slice(0, 6);
    const orphan = bench.layout.netnsPath("f".repeat(64));
    await bench.host.createNetns(orphan);
    await bench.host.connectVeth({
      hostName: `stv${prefix}orphan`,
      bridge: `stw${prefix}${id.slice(0, 6)}`,
      netnsPath: orphan,
      interfaceName: "eth0",
      macAddress: "02:42:00:00:00:01",
      addresses: [],
    });
    await bench.host.createBridge({ name: `stw${prefix}orphan`, addresses: [] });
    writeFileSync(join(bench.layout.dnsDir, "sandboxes/garbage.json"), "{");
    await bench.restart();
    expect(readdirSync(join(bench.layout.dnsDir, "sandboxes"))).toEqual([]);
    expect(existsSync(orphan)).toBe(false);
    await until(() => bench.links().length === 1);
  });

  it("keeps traffic flowing without the daemon", async () => {
    await bench.network("front");
    const web = await bench.container(
      "web",
      { front: {} },
      { ports: [{ containerPort: 80, protocol: "tcp", hostPort: 27180 }] },
    );
    await bench.serve(web, 80, "web");
    await bench.part.close();
    expect(await pageFromHost("http://127.0.0.1:27180/")).toBe("web");
    await bench.restart();
  });

  // Last: whatever is made after it would hide what is left. Where it shows: networks-firewalled.test.ts.
  it("takes back what a former life that was killed had let through", async () => {
    const container = await bench.container("dies-too", { bridge: {} });
    bench.open.delete(container.id);
    await bench.restart();
  });
});
