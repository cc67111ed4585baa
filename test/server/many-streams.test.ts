import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ServerBench } from "./support.ts";

const bench = new ServerBench();
beforeAll(() => bench.open());
afterAll(() => bench.close());

const CLIENTS = 150;
const get = (path: string) => bench.raw(`GET ${path} HTTP/1.1\nHost: x\n\n`);

describe("streams that are left open", () => {
  it("by many clients that read nothing keep nobody out, and end with them", async () => {
    const id = await bench.run({ Cmd: ["sleep", "1000"] });
    const ended: Promise<unknown>[] = [];
    const { containers } = bench.runtime;
    const stats = containers.stats.bind(containers);
    containers.stats = (name, options = {}) => {
      ended.push(new Promise((resolve) => options.signal?.addEventListener("abort", resolve)));
      return stats(name, options);
    };
    const paths = [`/containers/${id}/stats`, `/containers/${id}/logs?follow=1&stdout=1`, "/events"];
    const open = Array.from({ length: CLIENTS }, () => paths.map(get)).flat();
    for (const connection of open) await connection.until("200 OK");
    for (const { socket } of open) socket.pause();
    expect((await bench.call("GET", "/_ping")).text).toBe("OK");
    expect((await bench.call("GET", `/containers/${id}/json`)).status).toBe(200);
    for (const { socket } of open) socket.destroy();
    expect(ended).toHaveLength(CLIENTS);
    await Promise.all(ended);
    expect((await bench.call("DELETE", `/containers/${id}?force=1`)).status).toBe(204);
  });

  it("tell one event a line, whatever its attributes hold", async () => {
    const events = get("/events?filters=%7B%22event%22%3A%5B%22create%22%5D%7D");
    await events.until("200 OK");
    const label = 'a\n{"Type":"forged"}\r\n\u001b]52;c;eA==\u0007\u2028\u202e';
    const id = await bench.create({ Labels: { label, "line\nbreak": "x" } });
    await events.until(id);
    await events.until("}\n");
    const lines = events.text.split("\n").filter((line) => line.startsWith("{"));
    expect(lines).toHaveLength(1);
    const { Type, Actor } = JSON.parse(Buffer.from(lines[0] ?? "", "latin1").toString("utf8"));
    expect([Type, Actor.Attributes.label, Actor.Attributes["line\nbreak"]]).toEqual([
      "container",
      label,
      "x",
    ]);
    events.socket.destroy();
  });
});
