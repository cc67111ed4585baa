import { statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { json } from "../../src/server/index.ts";
import { ServerBench } from "./support.ts";

const bench = new ServerBench({
  extraRoutes: [{ method: "GET", path: "/stowage/{name}", handle: async (call) => json(call.params) }],
});
beforeAll(() => bench.open());
afterAll(() => bench.close());

describe("the socket", () => {
  it("is for its owner and group only", () => {
    expect((statSync(bench.socketPath).mode & 0o777).toString(8)).toBe("660");
  });

  it("is not taken from a server that answers there", async () => {
    const second = new ServerBench();
    await expect(second.server.listenOnSocket(bench.socketPath)).rejects.toMatchObject({ kind: "conflict" });
    await second.close();
  });

  it("replaces one that nobody answers on", async () => {
    const { writeFileSync } = await import("node:fs");
    const second = new ServerBench();
    writeFileSync(second.socketPath, "");
    await second.open();
    expect((await second.call("GET", "/_ping")).text).toBe("OK");
    await second.close();
  });
});

describe("versions", () => {
  it("are told by every answer", async () => {
    const { headers, text } = await bench.call("GET", "/_ping");
    expect(text).toBe("OK");
    expect(headers).toMatchObject({
      "api-version": "1.51",
      "docker-experimental": "false",
      ostype: "linux",
      "builder-version": "2",
      "cache-control": "no-cache, no-store, must-revalidate",
    });
    const head = await bench.call("HEAD", "/_ping");
    expect([head.status, head.headers["content-length"]]).toEqual([200, "0"]);
  });

  it.each([
    ["/v1.24/_ping", 200, "OK"],
    ["/v1.51/_ping", 200, "OK"],
    [
      "/v1.23/version",
      400,
      "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version\n",
    ],
    [
      "/v1.99/version",
      400,
      '{"message":"client version 1.99 is too new. Maximum supported API version is 1.51"}\n',
    ],
  ])("of %s: %d", async (path, status, text) => {
    expect(await bench.call("GET", path)).toMatchObject({ status, text });
  });

  it("may be left out, but not for the routes of the host", async () => {
    expect((await bench.call("GET", "/info")).status).toBe(200);
    expect(JSON.parse((await bench.call("GET", "/stowage/a%2Fb")).text)).toEqual({ name: "a/b" });
  });
});

describe("errors", () => {
  it.each([
    ["GET", "/nosuch", 404, "page not found"],
    ["POST", "/_ping", 404, "page not found"],
    ["GET", "/containers/nosuch/json", 404, "No such container: nosuch"],
    ["GET", "/containers/..%2f..%2fetc/json", 404, "No such container: ../../etc"],
    ["GET", "/images/nosuch/json", 404, "No such image: nosuch:latest"],
    ["GET", "/images/a.io:5000/b/c:1/json", 404, "No such image: a.io:5000/b/c:1"],
    ["GET", "/containers/json?filters=bad", 400, "invalid filter"],
    ["GET", "/containers/json?filters=%7B%22nosuch%22%3A%5B%22x%22%5D%7D", 400, "invalid filter 'nosuch'"],
    ["GET", "/containers/json?limit=x", 500, 'strconv.Atoi: parsing "x": invalid syntax'],
    ["GET", "/events?since=bad", 500, 'strconv.ParseInt: parsing "bad": invalid syntax'],
    ["POST", "/containers/create", 400, "invalid JSON: got EOF while reading request body"],
    ["GET", "/plugins/x/json", 404, 'plugin "x" not found'],
    ["POST", "/exec/nosuch/start", 404, "No such exec instance: nosuch"],
    ["POST", "/commit", 400, 'invalid name or ID supplied: ""'],
  ])("%s %s: %d", async (method, path, status, message) => {
    const answer = await bench.call(method, path);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([status, { message }]);
    expect(answer.text.endsWith("\n")).toBe(true);
  });

  it("say that this is no swarm", async () => {
    for (const path of ["/swarm", "/services", "/nodes/x", "/secrets"])
      expect((await bench.call("GET", path)).status).toBe(503);
  });

  it("tell malformed bodies of a creation apart", async () => {
    const create = (body: string, type = "application/json") =>
      bench.call("POST", "/containers/create", { body, headers: { "content-type": type } });
    expect((await create("{bad")).status).toBe(400);
    expect((await create("{}")).text).toContain("config cannot be empty in order to create a container");
    expect((await create("{}", "text/plain")).text).toContain(
      "unsupported Content-Type header (text/plain): must be 'application/json'",
    );
    expect((await create('{"Image":""}')).text).toContain("no command specified");
    expect((await create('{"Image":"busybox","HostConfig":{"Memory":"x"}}')).text).toContain(
      "HostConfig.Memory must be a number",
    );
  });

  it("come for a body that is too large, and the server lives on", async () => {
    const body = JSON.stringify({ Image: "busybox", Labels: { a: "x".repeat(17 * 1024 * 1024) } });
    const headers = { "content-type": "application/json" };
    expect(await bench.call("POST", "/containers/create", { body, headers })).toMatchObject({ status: 400 });
    expect((await bench.call("GET", "/_ping")).status).toBe(200);
  });

  it("come for headers that are too large", async () => {
    const connection = bench.raw(`GET /_ping HTTP/1.1\nHost: d\nX-Big: ${"x".repeat(80 * 1024)}\n\n`);
    expect(await connection.until("\r\n")).toMatch(/^HTTP\/1.1 (?:431|400)/);
  });
});

describe("TCP", () => {
  it("is refused off the loopback without certificates", async () => {
    await expect(bench.server.listenOnTcp({ host: "0.0.0.0", port: 0 })).rejects.toMatchObject({
      kind: "forbidden",
    });
  });

  it("serves no web page: foreign hosts, origins and forms are turned away", async () => {
    const port = await bench.server.listenOnTcp({ host: "127.0.0.1", port: 0 });
    const url = `http://127.0.0.1:${port}`;
    expect((await fetch(`${url}/_ping`)).status).toBe(200);
    expect((await fetch(`${url}/_ping`, { headers: { origin: "http://evil.example" } })).status).toBe(403);
    const form = await fetch(`${url}/containers/prune`, { method: "POST", body: new URLSearchParams("a=b") });
    expect(form.status).toBe(400);
    const { request } = await import("node:http");
    const status = await new Promise((resolve) => {
      request({ host: "127.0.0.1", port, path: "/_ping", headers: { host: "evil.example" } }, (response) =>
        resolve(response.statusCode),
      ).end();
    });
    expect(status).toBe(403);
  });
});
