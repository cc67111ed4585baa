import { createSocket, type Socket } from "node:dgram";
import { createServer, type Server } from "node:net";
import { decode, encode, type Packet, streamDecode, streamEncode } from "dns-packet";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  ask,
  askLater,
  type DnsAnswer,
  execIn,
  NetworkBench,
  type OpenContainer,
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

const addressOf = (container: OpenContainer, network: string) => [container.address(network)];

describe("names in a container", () => {
  it("are those of the containers on its networks: name, aliases, short id; over both transports", async () => {
    await bench.network("front");
    await bench.network("back");
    const web = await bench.container("shop-web-1", { front: { aliases: ["web", "WWW"] } });
    const db = await bench.container("shop-db-1", { back: { aliases: ["db"] } });
    const both = await bench.container("shop-app-1", { front: {}, back: {} });
    for (const name of ["shop-web-1", "web", "www", "WEB", web.id.slice(0, 12), "web.front"])
      expect([name, ask(both, name).data]).toEqual([name, addressOf(web, "front")]);
    expect(ask(both, "web", "A", "tcp")).toEqual({
      id: 4711,
      rcode: "NOERROR",
      isOwn: true,
      isTruncated: false,
      data: addressOf(web, "front"),
    });
    expect(ask(both, "db").data).toEqual(addressOf(db, "back"));
    expect(ask(db, "shop-app-1").data).toEqual(addressOf(both, "back"));
    expect(ask(web, "shop-app-1").data).toEqual(addressOf(both, "front"));
    expect(ask(web, "db").data).toEqual([]);
    expect(ask(both, "db.front").data).toEqual([]);
    expect(execIn(both.netns, "getent", "ahostsv4", "localhost")).toContain("127.0.0.1");
  });

  it("have no IPv6 address rather than an error, and an empty answer for other types", async () => {
    await bench.network("front");
    const web = await bench.container("web", { front: {} });
    for (const type of ["AAAA", "MX", "TXT"])
      expect(ask(web, "web", type)).toMatchObject({ rcode: "NOERROR", data: [], isOwn: true });
  });

  it("have both addresses on a network with IPv6, and lead back from each", async () => {
    await bench.network("six", { enableIpv6: true });
    const web = await bench.container("web", { six: { aliases: ["alias"] } });
    const { ipAddress = "", globalIpv6Address = "" } = web.sandbox.endpoints["six"] ?? {};
    expect(ask(web, "alias", "AAAA").data).toEqual([globalIpv6Address]);
    const reversed = ipAddress.split(".").reverse().join(".");
    for (const kind of ["udp", "tcp"] as const)
      expect(ask(web, `${reversed}.in-addr.arpa`, "PTR", kind).data).toEqual(["web.six"]);
  });

  it("list every replica, each in its turn first", async () => {
    await bench.network("front");
    const replicas = [];
    for (const number of [1, 2, 3])
      replicas.push(await bench.container(`web-${number}`, { front: { aliases: ["web"] } }));
    const [asker] = replicas;
    if (asker === undefined) return;
    const answers = [1, 2, 3].map(() => ask(asker, "web").data as string[]);
    const addresses = replicas.map((replica) => replica.address("front")).sort();
    for (const answer of answers) expect([...answer].sort()).toEqual(addresses);
    expect(new Set(answers.map(([first]) => first)).size).toBe(3);
  });

  it("too many for a datagram come over a stream", async () => {
    await bench.network("front");
    const alias = `${"a".repeat(60)}.${"b".repeat(60)}`;
    const replicas: OpenContainer[] = [];
    for (let number = 0; number < 8; number++)
      replicas.push(await bench.container(`web-${number}`, { front: { aliases: [alias] } }));
    const [asker] = replicas;
    if (asker === undefined) return;
    const fitting = ask(asker, alias);
    expect(fitting.isTruncated).toBe(true);
    // Some clients never ask again: they get what fits.
    expect(fitting.data).toHaveLength(2);
    expect(ask(asker, alias, "A", "tcp").data).toHaveLength(8);
  });

  it("change with rename, attach and detach, and end with the container", async () => {
    await bench.network("front");
    await bench.network("back");
    const web = await bench.container("web", { front: {} });
    const peer = await bench.container("peer", { front: {} });
    await bench.part.rename(web.id, "site");
    expect(ask(peer, "site").data).toEqual(addressOf(web, "front"));
    expect(ask(peer, "web").data).toEqual([]);
    const backend = await bench.container("backend", { back: {} });
    expect(ask(peer, "backend").data).toEqual([]);
    await bench.part.attach(peer.id, "back", { aliases: ["late"] });
    expect(ask(peer, "backend").data).toEqual(addressOf(backend, "back"));
    expect(ask(backend, "late").data).toHaveLength(1);
    await bench.part.detach(peer.id, "back");
    expect(ask(peer, "backend").data).toEqual([]);
    await bench.close(web);
    expect(ask(peer, "site").data).toEqual([]);
  });

  it("start on the default bridge with the first attached network", async () => {
    await bench.network("front");
    const web = await bench.container("web", { front: {} });
    const plain = await bench.container("plain", {}, { networkMode: "bridge" });
    await bench.part.attach(plain.id, "front", {});
    expect(ask(plain, "web").data).toEqual(addressOf(web, "front"));
    expect((await bench.part.texts(plain.id))?.resolvConf).toContain("nameserver 127.0.0.11");
  });

  it("leave port 53 to the container's own server", async () => {
    await bench.network("front");
    const server = await bench.container("server", { front: {} });
    await bench.serveUdp(server, 53, "mine");
    await bench.serve(server, 53, "mine");
    expect(ask(server, "server").data).toEqual(addressOf(server, "front"));
  });

  it("that only one container may use come from its links", async () => {
    await bench.network("front");
    const db = await bench.container("shop-db-1", { front: {} });
    const app = await bench.container("app", { front: { links: ["shop-db-1:database"] } });
    expect(ask(app, "database").data).toEqual(addressOf(db, "front"));
    expect(ask(db, "database").data).toEqual([]);
  });
});

describe("names of others", () => {
  let upstream: Upstream;
  afterEach(() => upstream.close());

  it("are asked from inside the container when servers were chosen for it, the next when one is silent", async () => {
    await bench.network("front");
    const { gateway = "" } = (await bench.part.port.inspect("front")).ipam.pools[0] ?? {};
    upstream = await Upstream.listen(gateway);
    const web = await bench.container(
      "web",
      { front: {} },
      { dns: ["127.0.0.2", gateway], dnsSearch: ["example.org"] },
    );
    expect((await askLater(web, "outside.example")).data).toEqual(["203.0.113.9"]);
    expect((await askLater(web, "outside.example", "A", "tcp")).data).toEqual(["203.0.113.9"]);
    // A server that is slow to answer may be asked twice.
    expect(new Set(upstream.askers)).toEqual(new Set([web.address("front")]));
    expect(web.sandbox.resolvConf).toMatch(
      /^nameserver 127\.0\.0\.11\nsearch example\.org\noptions .*ndots:0$/m,
    );
  });

  it("are asked for once of a container that names our own address as its server", async () => {
    await bench.network("front");
    const { gateway = "" } = (await bench.part.port.inspect("front")).ipam.pools[0] ?? {};
    upstream = await Upstream.listen(gateway);
    const dns = ["127.0.0.11", "::ffff:127.0.0.11", gateway];
    const web = await bench.container("web", { front: {} }, { dns });
    expect((await askLater(web, "outside.example")).data).toEqual(["203.0.113.9"]);
    expect((await askLater(web, "outside.example", "A", "tcp")).data).toEqual(["203.0.113.9"]);
    expect(upstream.askers).toHaveLength(2);
  });

  it("are refused to a container without a way out", async () => {
    upstream = await Upstream.listen("127.0.0.1");
    await bench.network("inside", { internal: true });
    const web = await bench.container("web", { inside: {} });
    expect(await askLater(web, "outside.example")).toMatchObject({ rcode: "SERVFAIL" });
  });
});

describe("the resolver process", () => {
  it("answers while the daemon is away, and is found again", async () => {
    await bench.network("front");
    const web = await bench.container("web", { front: {} });
    const peer = await bench.container("peer", { front: {} });
    await bench.part.close();
    expect(ask(peer, "web").data).toEqual(addressOf(web, "front"));
    await bench.restart();
    const late = await bench.container("late", { front: {} });
    expect(ask(web, "late").data).toEqual(addressOf(late, "front"));
  });

  it("is started again for what runs when it was killed", async () => {
    await bench.network("front");
    const web = await bench.container("web", { front: {} });
    const killed = bench.resolverPid();
    process.kill(killed, "SIGKILL");
    await until(() => bench.resolverPids().some((pid) => pid !== killed));
    // What is asked before it listens again has no answer.
    const isAnswered = ({ data }: DnsAnswer) => data.length === 1;
    await until(() => askLater(web, "web").then(isAnswered, () => false));
    const late = await bench.container("late", { front: {} });
    expect(ask(late, "web").data).toEqual(addressOf(web, "front"));
    expect(ask(web, "late").data).toEqual(addressOf(late, "front"));
  });

  it("ends with the last network that has names", async () => {
    await bench.network("front");
    const web = await bench.container("web", { front: {} });
    expect(bench.resolverPids()).toHaveLength(1);
    await bench.close(web);
    await bench.part.port.remove("front");
    await until(() => bench.resolverPids().length === 0);
  });
});

describe("files", () => {
  it("hosts names localhost, what was asked for, and the container itself", async () => {
    await bench.network("front");
    const web = await bench.container(
      "web",
      { front: {} },
      {
        extraHosts: ["db:10.0.0.9", "host.docker.internal:host-gateway", "six:[fd00::9]"],
        domainname: "example.org",
      },
    );
    const { gateway, ipAddress } = web.sandbox.endpoints["front"] ?? {};
    const id = web.id.slice(0, 12);
    expect(web.sandbox.hosts.split("\n")).toEqual([
      "127.0.0.1\tlocalhost",
      "::1\tlocalhost ip6-localhost ip6-loopback",
      "fe00::\tip6-localnet",
      "ff00::\tip6-mcastprefix",
      "ff02::1\tip6-allnodes",
      "ff02::2\tip6-allrouters",
      "10.0.0.9\tdb",
      `${gateway}\thost.docker.internal`,
      "fd00::9\tsix",
      `${ipAddress}\t${id}.example.org ${id}`,
      "",
    ]);
    await expect(bench.container("bad", { front: {} }, { extraHosts: ["nonsense"] })).rejects.toMatchObject({
      kind: "invalid",
    });
  });
});

/** A name server that knows one address for everything. */
class Upstream {
  readonly askers: string[] = [];
  readonly #udp: Socket;
  readonly #tcp: Server;

  private constructor(udp: Socket, tcp: Server) {
    this.#udp = udp;
    this.#tcp = tcp;
  }

  static async listen(address: string): Promise<Upstream> {
    const udp = createSocket("udp4");
    const tcp = createServer();
    await new Promise<void>((resolve) => udp.bind(53, address, resolve));
    await new Promise<void>((resolve) => tcp.listen(53, address, resolve));
    const upstream = new Upstream(udp, tcp);
    udp.on("message", (message, from) => {
      upstream.askers.push(from.address);
      udp.send(encode(upstream.answer(decode(message))), from.port, from.address);
    });
    tcp.on("connection", (connection) => {
      upstream.askers.push(connection.remoteAddress ?? "");
      connection.on("data", (message) =>
        connection.end(streamEncode(upstream.answer(streamDecode(message)))),
      );
    });
    return upstream;
  }

  answer({ id, questions = [] }: Packet) {
    const name = questions[0]?.name ?? "";
    return {
      type: "response" as const,
      ...(id === undefined ? {} : { id }),
      questions,
      answers: [{ type: "A" as const, name, ttl: 1, data: "203.0.113.9" }],
    };
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
  }
}
