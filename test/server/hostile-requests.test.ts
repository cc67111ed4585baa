import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ServerBench } from "./support.ts";

const bench = new ServerBench();
beforeAll(() => bench.open());
afterAll(() => bench.close());

const create = (body: string, query = "") =>
  bench.call("POST", `/containers/create${query}`, { body, headers: { "content-type": "application/json" } });

describe("a hostile request", () => {
  it.each(["a", "../x", "-a", ".a", "a/b", "a%00b", "a%20b", "%E4b", "a%0ab"])(
    "names no container %s",
    async (name) => {
      expect(await create('{"Image":"busybox","Cmd":["true"]}', `?name=${name}`)).toMatchObject({
        status: 400,
      });
    },
  );

  it.each([
    ["GET", "/containers/../../etc/passwd", 404],
    ["GET", "/v1.51/../../../etc/passwd", 404],
    ["GET", "//etc/passwd", 404],
    ["GET", "/containers/%2e%2e%2f%2e%2e/json", 404],
    ["GET", "/containers/a%00b/json", 404],
    ["GET", "/images/..%2f..%2fetc/json", 404],
    ["GET", "/volumes/..%2f..", 404],
    ["GET", "/containers/json?limit=99999999999999999999", 500],
    ["GET", "/containers/json?limit=1e3", 500],
    ["GET", "/containers/json?filters=%7B%22id%22%3A%7B%22a%22%3A%7B%22b%22%3A%7B%7D%7D%7D%7D", 400],
    ["POST", "/containers/nosuch/stop?t=99999999999999999999", 500],
    ["POST", "/containers/nosuch/resize?h=99999999999&w=1", 400],
  ])("%s %s is answered with %d", async (method, path, status) => {
    const answer = await bench.call(method, path);
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining('{"message":')]);
  });

  it.each([
    ["nested without end", `{"Image":"busybox","Labels":${"[".repeat(1_000_000)}`],
    ["nested deep", `{"Image":"busybox","Labels":{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`],
    ["a list where an object belongs", '{"Image":"busybox","HostConfig":[[]]}'],
  ])("has a body with %s, and is refused", async (_what, body) => {
    const answer = await create(body);
    expect([answer.status, answer.text.slice(0, 200)]).toEqual([400, expect.stringContaining("message")]);
    expect((await bench.call("GET", "/_ping")).text).toBe("OK");
  });

  it.each([
    ["lists", "%5B".repeat(5000)],
    ["objects", "%7B%22a%22:".repeat(2000)],
  ])("has filters of %s in each other, and is refused", async (_what, filters) => {
    expect((await bench.call("GET", `/containers/json?filters=${filters}`)).status).toBe(400);
  });

  it("changes nobody's prototype", async () => {
    const labels = '{"__proto__":"a","constructor":"b","prototype":"c"}';
    const made = await create(
      `{"Image":"busybox","Cmd":["true"],"Labels":${labels},"__proto__":{"polluted":"yes"}}`,
    );
    expect(made.status).toBe(201);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    const { text } = await bench.call("GET", `/containers/${JSON.parse(made.text).Id}/json`);
    expect(JSON.stringify(JSON.parse(text).Config.Labels)).toContain('"constructor":"b"');
  });

  it("that is cut off or mixes two requests ends its own connection only", async () => {
    for (const head of [
      "GET /_ping HTTP/1.1\nHost: d\nContent-Length: 4\nTransfer-Encoding: chunked\n\n0\n\n",
      "POST /containers/create HTTP/1.1\nHost: d\nTransfer-Encoding: chunked\n\nZZZZ\n",
      "GET /_ping HTTP/1.1\nHost: d\nX: a\u0000b\n\n",
      "\u0016\u0003\u0001\u0002\u0000",
    ]) {
      const connection = bench.raw(head);
      await connection.ended;
      expect(connection.text).not.toContain("200 OK");
    }
    expect((await bench.call("GET", "/_ping")).text).toBe("OK");
  });
});

describe("ten thousand connections", () => {
  it("that say nothing keep nobody out, and what they took is free again", async () => {
    const before = process.memoryUsage().rss;
    // In a process of its own: both ends here would be twice as many descriptors.
    const crowd = spawn(process.execPath, ["-e", CROWD, bench.socketPath], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    try {
      const [text] = (await once(crowd.stdout, "data")) as [Buffer];
      expect(text.toString()).toBe("9900");
      expect((await bench.call("GET", "/_ping")).text).toBe("OK");
      expect(process.memoryUsage().rss - before).toBeLessThan(256 << 20);
    } finally {
      crowd.kill("SIGKILL");
      await once(crowd, "exit");
    }
    expect((await bench.call("GET", "/_ping")).text).toBe("OK");
  }, 60_000);
});

/** Opens connections until it has 9900, says so, and holds them. A full queue of those who wait is tried again. */
const CROWD = `
  const { connect } = require("node:net");
  let open = 0;
  const enter = () => {
    const socket = connect(process.argv[1], () => {
      if (++open === 9900) process.stdout.write("9900");
      else if (open <= 9700) enter();
    });
    socket.on("error", () => setTimeout(enter, 10));
  };
  for (let n = 0; n < 200; n++) enter();
`;
