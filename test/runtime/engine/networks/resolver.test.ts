import { type DecodedPacket, decode, encode } from "dns-packet";
import { describe, expect, it } from "vitest";
import {
  addressOfPointer,
  answerFrom,
  encodeWithin,
} from "../../../../src/runtime/engine/networks/resolver/answer.ts";
import {
  exchangeByUdp,
  framed,
  MessageReader,
} from "../../../../src/runtime/engine/networks/resolver/exchange.ts";
import { namesOf } from "../../../../src/runtime/engine/networks/resolver/names.ts";
import type {
  EndpointRecord,
  SandboxRecord,
} from "../../../../src/runtime/engine/networks/sandbox-record.ts";

const on = (
  network: string,
  address: string,
  dnsNames: readonly string[],
  links: readonly string[] = [],
): EndpointRecord => ({
  networkId: network,
  networkName: network,
  endpointId: `${network}-${address}`,
  spec: links.length === 0 ? {} : { links },
  ipv4: { address, prefixLength: 24 },
  dnsNames,
  isInternal: false,
});
const sandbox = (name: string, ...endpoints: EndpointRecord[]): SandboxRecord => ({
  containerId: name,
  containerName: name,
  hostname: name,
  netnsPath: "/x",
  endpoints,
  ports: [],
  names: { servers: [], search: [], options: [], extraHosts: [], links: [] },
});

const web1 = sandbox("web1", on("front", "10.0.0.2", ["web1", "web"]));
const web2 = sandbox("web2", on("front", "10.0.0.3", ["web2", "web"]));
const db = sandbox("db", on("back", "10.0.1.2", ["db"]));
const app = sandbox("app", on("back", "10.0.1.3", ["app"], ["db:store"]), on("front", "10.0.0.4", ["app"]));
const query = (type: string, name: string, flags = 0x100): DecodedPacket =>
  decode(encode({ type: "query", id: 7, flags, questions: [{ type: type as "A", name }] }));
const ask = (asker: SandboxRecord, type: string, name: string) => {
  const answer = answerFrom(namesOf([web1, web2, db, app]), asker, query(type, name));
  return answer && decode(encode(answer)).answers?.map((entry) => ("data" in entry ? entry.data : undefined));
};

describe("answers", () => {
  it("come from the asker's networks only", () => {
    expect(ask(app, "A", "db")).toEqual(["10.0.1.2"]);
    expect(ask(web1, "A", "db")).toBeUndefined();
    expect(ask(app, "A", "WEB1.")).toEqual(["10.0.0.2"]);
    expect(ask(web1, "A", "app")).toEqual(["10.0.0.4"]);
    expect(ask(app, "A", "web2.front")).toEqual(["10.0.0.3"]);
    expect(ask(app, "A", "example.org")).toBeUndefined();
  });

  it("know links for their owner alone", () => {
    expect(ask(app, "A", "store")).toEqual(["10.0.1.2"]);
    expect(ask(db, "A", "store")).toBeUndefined();
  });

  it("lead back from an address of a shared network", () => {
    expect(ask(app, "PTR", "2.0.0.10.in-addr.arpa")).toEqual(["web1.front"]);
    expect(ask(db, "PTR", "2.0.0.10.in-addr.arpa")).toBeUndefined();
  });

  it("are empty, not missing, for a type that a known name does not have", () => {
    for (const type of ["AAAA", "MX", "UNKNOWN_65"]) expect(ask(app, type, "db")).toEqual([]);
    expect(ask(app, "ANY", "db")).toEqual(["10.0.1.2"]);
  });

  it("refuse what is no query", () => {
    const status = answerFrom(namesOf([]), app, query("A", "db", 2 << 11));
    expect((status?.flags ?? 0) & 0xf).toBe(4);
  });

  it("of many replicas hold as many as a datagram has room for", () => {
    const replicas = Array.from({ length: 40 }, (_, n) =>
      sandbox(`worker${n}`, on("front", `10.0.2.${n + 1}`, [`worker${n}`, "worker"])),
    );
    const whole = answerFrom(namesOf([...replicas, app]), app, query("A", "worker"));
    if (whole === undefined) throw new Error("nobody answers");
    const bytes = encodeWithin(whole, 512);
    expect(bytes.length).toBeLessThanOrEqual(512);
    const sent = decode(bytes);
    expect(sent.flag_tc).toBe(true);
    expect(sent.answers?.length).toBeGreaterThan(15);
    const all = decode(encodeWithin(whole, 65535));
    expect(all).toMatchObject({ flag_tc: false, answers: { length: 40 } });
  });

  it("turn round the replicas", () => {
    const names = namesOf([web1, web2, app]);
    const first = () => names.addresses(app, "web")?.[0]?.address;
    expect(first()).not.toBe(first());
  });
});

it("pointers are read in both families", () => {
  expect(addressOfPointer("4.3.2.1.in-addr.arpa")).toBe("1.2.3.4");
  const digits = "fd000000000000000000000000000001".split("").reverse().join(".");
  expect(addressOfPointer(`${digits}.ip6.arpa`)).toBe("fd00::1");
  for (const text of ["1.2.3.in-addr.arpa", "300.1.1.1.in-addr.arpa", "example.org"])
    expect(addressOfPointer(text)).toBeUndefined();
});

it("a server to which there is no way is an error of the query alone", async () => {
  const question = encode({ type: "query", id: 7, questions: [{ type: "A", name: "example.org" }] });
  for (const server of ["255.255.255.255", "fe80::1"])
    await expect(exchangeByUdp({ server, query: question, timeoutMs: 2_000 })).rejects.toThrow();
});

it("messages of a stream are found however it is cut", () => {
  const seen: string[] = [];
  const reader = new MessageReader((message) => seen.push(message.toString()));
  const stream = Buffer.concat([
    framed(Buffer.from("one")),
    framed(Buffer.from("")),
    framed(Buffer.from("three")),
  ]);
  for (const byte of stream) reader.push(Buffer.of(byte));
  reader.push(stream);
  expect(seen).toEqual(["one", "", "three", "one", "", "three"]);
});
