import { createSocket, type Socket } from "node:dgram";
import { readFileSync } from "node:fs";
import { type DecodedPacket, decode, encode, type StringAnswer, type TxtAnswer } from "dns-packet";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ask, askLater, NetworkBench, until } from "./support/network-bench.ts";

let bench: NetworkBench;
let upstream: Upstream;
let gateway = "";
beforeAll(async () => {
  bench = await NetworkBench.start();
});
afterEach(async () => {
  upstream.close();
  await bench.reset();
});
afterAll(async () => {
  await bench.stop();
  await until(() => bench.leftovers().length === 0).catch(() => undefined);
  expect(bench.leftovers()).toEqual([]);
});

async function container(name: string) {
  return bench.container(name, { front: {} }, { dns: [gateway] });
}

async function startNetwork(): Promise<void> {
  await bench.network("front");
  gateway = (await bench.part.port.inspect("front")).ipam.pools[0]?.gateway ?? "";
  upstream = await Upstream.listen(gateway);
}

describe("a hostile container", () => {
  it("that asks without end neither keeps names from others nor fills memory", async () => {
    await startNetwork();
    const quiet = await container("quiet");
    const floods = await Promise.all([1, 2, 3, 4, 5].map((n) => container(`flood-${n}`)));
    const pid = bench.resolverPid();
    for (const { netns } of floods) bench.inBackground(netns, process.execPath, "-e", FLOOD);
    // As many as may wait at once.
    await until(() => upstream.unanswered >= 1024, 60_000);
    expect((await askLater(quiet, "outside.example")).data).toEqual(["203.0.113.9"]);
    expect(ask(quiet, "flood-1").data).toHaveLength(1);
    expect(ask(quiet, "flood-1", "A", "tcp").data).toHaveLength(1);
    expect(bench.resolverPid()).toBe(pid);
    expect(residentBytes(pid)).toBeLessThan(300 << 20);
  });

  it("that takes no answers is not read from any more", async () => {
    await startNetwork();
    const glutton = await container("glutton");
    const pid = bench.resolverPid();
    const before = residentBytes(pid);
    const child = bench.inBackground(glutton.netns, process.execPath, "-e", GLUTTON);
    const exitCode = await new Promise((resolve) => child.on("exit", resolve));
    expect(exitCode).toBe(STOPPED);
    expect(residentBytes(pid) - before).toBeLessThan(64 << 20);
    expect(ask(glutton, "glutton").data).toHaveLength(1);
  });

  it("that sends what is no query gets no answer, and others theirs", async () => {
    await startNetwork();
    const noise = await container("noise");
    const pid = bench.resolverPid();
    const child = bench.inBackground(noise.netns, process.execPath, "-e", NOISE);
    await new Promise((resolve) => child.on("exit", resolve));
    expect(ask(noise, "noise").data).toHaveLength(1);
    expect(bench.resolverPid()).toBe(pid);
  });
});

describe("what is asked of other servers", () => {
  it("comes from another port under another id each time", async () => {
    await startNetwork();
    const web = await container("web");
    for (let n = 0; n < 8; n++) await askLater(web, "outside.example");
    const distinct = (values: readonly number[]) => new Set(values).size;
    expect(distinct(upstream.ports)).toBeGreaterThan(5);
    expect(distinct(upstream.ids)).toBeGreaterThan(5);
    const steps = upstream.ports.slice(1).map((port, n) => port - (upstream.ports[n] ?? 0));
    expect(distinct(steps)).toBeGreaterThan(2);
  });

  it("is told as whole as the asker has room for", async () => {
    await startNetwork();
    const web = await container("web");
    expect(await askLater(web, "long.example", "TXT")).toMatchObject({ isTruncated: true, data: [] });
    expect(await askLater(web, "long.example", "TXT", "udp", "600")).toMatchObject({ isTruncated: true });
    expect(await askLater(web, "long.example", "TXT", "udp", "4096")).toMatchObject({ isTruncated: false });
  });

  it("is not answered by who does not know port, id and question", async () => {
    await startNetwork();
    const web = await container("web");
    expect((await askLater(web, "forged.example")).data).toEqual(["203.0.113.9"]);
  });
});

/** Asks for names that nobody answers, as fast as it can without drowning the machine. */
const FLOOD = `const s = require("dgram").createSocket("udp4"); let n = 0;
s.on("message", () => {});
setInterval(() => { for (let i = 0; i < 25; i++) { n++;
  const name = "silent" + n; const q = Buffer.concat([Buffer.from([n >> 8 & 255, n & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, name.length]),
    Buffer.from(name), Buffer.from([0, 0, 1, 0, 1])]); s.send(q, 53, "127.0.0.11"); } }, 20);`;

const STOPPED = 7;
/** Asks over a stream and never reads; ends with STOPPED when it cannot get rid of its questions, with 0 when it can. */
const GLUTTON = `const name = "glutton";
const q = Buffer.concat([Buffer.from([0, 25, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, name.length]), Buffer.from(name), Buffer.from([0, 0, 1, 0, 1])]);
const some = Buffer.concat(Array(10000).fill(q)); let sent = 0, last = -1;
const c = require("net").connect(53, "127.0.0.11");
c.pause();
const push = () => { if (sent++ === 300) process.exit(0); c.write(some, push); };
push();
setInterval(() => { if (sent === last) process.exit(${STOPPED}); last = sent; }, 3000);`;

/** Datagrams of rubbish, answers, pointers to themselves, and counts that promise more than there is. */
const NOISE = `const s = require("dgram").createSocket("udp4"); const { randomBytes } = require("crypto");
s.on("message", () => {});
const header = (flags, counts) => Buffer.from([0, 1, flags, 0, 0, ...counts]);
const all = [Buffer.alloc(0), Buffer.alloc(3), Buffer.concat([header(0x81, [1, 0, 0, 0, 0, 0, 0]), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
  Buffer.concat([Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
  Buffer.concat([Buffer.from([0, 1, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Buffer.alloc(60000)])];
for (let n = 0; n < 2000; n++) all.push(randomBytes(n % 600));
let at = 0; const next = () => at === all.length ? process.exit(0) : s.send(all[at++], 53, "127.0.0.11", next); next();`;

/** What a process has in memory. */
function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

/** A server that knows `*.example` and leaves all other questions unanswered. */
class Upstream {
  readonly ports: number[] = [];
  readonly ids: number[] = [];
  unanswered = 0;
  readonly #udp: Socket;

  private constructor(udp: Socket) {
    this.#udp = udp;
  }

  static async listen(address: string): Promise<Upstream> {
    const udp = createSocket("udp4");
    await new Promise<void>((resolve) => udp.bind(53, address, resolve));
    const upstream = new Upstream(udp);
    udp.on("message", (message, from) => {
      const query = decode(message);
      const name = query.questions?.[0]?.name ?? "";
      if (!name.endsWith(".example")) {
        upstream.unanswered++;
        return;
      }
      upstream.ports.push(from.port);
      upstream.ids.push(query.id ?? 0);
      const answers = name.startsWith("forged") ? [...forgeries(query), answerTo(query)] : [answerTo(query)];
      for (const answer of answers) udp.send(answer, from.port, from.address);
    });
    return upstream;
  }

  close(): void {
    this.#udp.close();
  }
}

function answerTo({ id, questions = [] }: DecodedPacket, data = "203.0.113.9"): Buffer {
  const name = questions[0]?.name ?? "";
  const long: TxtAnswer = { type: "TXT", name, ttl: 1, data: [250, 250, 250].map((n) => "x".repeat(n)) };
  const short: StringAnswer = { type: "A", name, ttl: 1, data };
  const answers = [name.startsWith("long") ? long : short];
  return encode({ type: "response", ...(id === undefined ? {} : { id }), questions, answers });
}

/** Another id; another question; no answer but a question. */
function forgeries(query: DecodedPacket): readonly Buffer[] {
  const id = query.id ?? 0;
  const questions = [{ type: "A", name: "other.example" }] as const;
  return [
    answerTo({ ...query, id: (id + 1) % 0x10000 }, "198.51.100.1"),
    answerTo({ ...query, questions: [...questions] }, "198.51.100.2"),
    encode({ type: "query", id, questions: query.questions ?? [] }),
  ];
}
