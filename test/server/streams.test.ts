import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { RuntimeError } from "../../src/runtime/index.ts";
import { ServerBench } from "./support.ts";

const bench = new ServerBench();
beforeAll(() => bench.open());
afterAll(() => bench.close());

const UPGRADE = "Connection: Upgrade\nUpgrade: tcp\n";
const CAT = { Cmd: ["cat"], OpenStdin: true, StdinOnce: true, AttachStdin: true };

function attach(id: string, headers = "", query = "stream=1&stdin=1&stdout=1&stderr=1", version = "") {
  return bench.raw(`POST ${version}/containers/${id}/attach?${query} HTTP/1.1\nHost: d\n${headers}\n`);
}

describe("an attached connection", () => {
  it.each([
    ["upgraded", UPGRADE, "HTTP/1.1 101 UPGRADED", "multiplexed-stream"],
    ["taken as it is", "", "HTTP/1.1 200 OK", "raw-stream"],
  ])("%s: carries stdin, its end, and framed output", async (_, headers, status, type) => {
    const id = await bench.create(CAT);
    const connection = attach(id, headers);
    expect(await connection.until("\r\n\r\n")).toContain(status);
    expect(connection.text).toContain(`Content-Type: application/vnd.docker.${type}`);
    connection.socket.write("ahoy\n");
    connection.socket.end();
    await bench.call("POST", `/containers/${id}/start`);
    await connection.ended;
    expect(connection.text.split("\r\n\r\n")[1]).toBe("\x01\0\0\0\0\0\0\x05ahoy\n");
  });

  it("has no name for frames before API 1.42", async () => {
    const id = await bench.create(CAT);
    const connection = attach(id, UPGRADE, "stream=1&stdout=1", "/v1.41");
    expect(await connection.until("\r\n\r\n")).toContain("application/vnd.docker.raw-stream");
    connection.socket.destroy();
  });

  it("may send its input in one piece with the request", async () => {
    const id = await bench.create(CAT);
    await bench.call("POST", `/containers/${id}/start`);
    const connection = attach(id, `${UPGRADE}\nfirst bytes`);
    await connection.until("first bytes");
    connection.socket.destroy();
  });

  it("tells in plain text that there is no such container", async () => {
    const connection = attach("nosuch", UPGRADE);
    await connection.ended;
    expect(connection.text).toMatch(/^HTTP\/1.1 404 Not Found/);
    expect(connection.text).toContain("No such container: nosuch\n");
  });

  it("does not take a body of the request for input", async () => {
    const id = await bench.create(CAT);
    const connection = attach(id, `${UPGRADE}Content-Length: 4\n\n{}`);
    await connection.until("\r\n\r\n");
    await bench.call("POST", `/containers/${id}/start`);
    connection.socket.end("ahoy");
    await connection.ended;
    expect(connection.text.split("\r\n\r\n")[1]).toBe("\x01\0\0\0\0\0\0\x04ahoy");
  });

  it("is let go by the detach keys, which the process never sees", async () => {
    const id = await bench.run({ Cmd: ["cat"], OpenStdin: true, Tty: true });
    const connection = attach(id, UPGRADE);
    await connection.until("\r\n\r\n");
    connection.socket.write("a\x10b\x10\x11");
    await connection.ended;
    expect(connection.text.split("\r\n\r\n")[1]).toBe("a\x10b");
    const { State } = JSON.parse((await bench.call("GET", `/containers/${id}/json`)).text);
    expect(State.Running).toBe(true);
  });

  it("refuses detach keys that are none", async () => {
    const id = await bench.create(CAT);
    const connection = attach(id, UPGRADE, "stream=1&stdin=1&detachKeys=ctrl-%3F");
    await connection.ended;
    expect(connection.text).toMatch(/^HTTP\/1.1 400/);
  });
});

describe("an exec", () => {
  async function exec(body: Record<string, unknown>): Promise<string> {
    const id = await bench.run({ Cmd: ["sleep", "1000"] });
    const answer = await bench.call("POST", `/containers/${id}/exec`, { json: body });
    return JSON.parse(answer.text).Id;
  }
  const start = (id: string, body: string, headers = UPGRADE) =>
    bench.raw(
      `POST /exec/${id}/start HTTP/1.1\nHost: d\n${headers}Content-Type: application/json\nContent-Length: ${body.length}\n\n${body}`,
    );

  it("reads its body before the switch, and stdin after it", async () => {
    const id = await exec({ Cmd: ["cat"], AttachStdin: true, AttachStdout: true });
    const connection = start(id, '{"Detach":false}');
    await connection.until("\r\n\r\n");
    connection.socket.end("hello");
    await connection.ended;
    expect(connection.text.split("\r\n\r\n")[1]).toBe("\x01\0\0\0\0\0\0\x05hello");
    const info = JSON.parse((await bench.call("GET", `/exec/${id}/json`)).text);
    expect([info.Running, info.ExitCode]).toEqual([false, 0]);
  });

  it("takes a chunked body too", async () => {
    const id = await exec({ Cmd: ["echo", "hi"], AttachStdout: true });
    const connection = bench.raw(
      `POST /exec/${id}/start HTTP/1.1\nHost: d\n${UPGRADE}Content-Type: application/json\nTransfer-Encoding: chunked\n\n2\n{}\n0\n\n`,
    );
    await connection.ended;
    expect(connection.text.split("\r\n\r\n")[1]).toBe("\x01\0\0\0\0\0\0\x03hi\n");
  });

  it("is framed as the one who starts it says, whatever terminal it has", async () => {
    const output = async (body: string) => {
      const connection = start(await exec({ Cmd: ["echo", "hi"], AttachStdout: true, Tty: true }), body);
      await connection.ended;
      return connection.text;
    };
    const framed = await output('{"Tty":false}');
    expect(framed).toContain("multiplexed-stream");
    expect(framed.split("\r\n\r\n")[1]?.slice(0, 7)).toBe("\x01\0\0\0\0\0\0");
    expect((await output('{"Tty":true}')).split("\r\n\r\n")[1]).toMatch(/^hi/);
  });

  it("answers plainly when it is detached, and once only", async () => {
    const id = await exec({ Cmd: ["true"] });
    const first = start(id, '{"Detach":true}', "");
    await first.ended;
    expect(first.text).toMatch(/^HTTP\/1.1 200 OK/);
    const second = start(id, '{"Detach":true}', "");
    await second.ended;
    expect(second.text).toMatch(/^HTTP\/1.1 409/);
  });
});

describe("a wait", () => {
  it("answers its head before anything has happened", async () => {
    const id = await bench.create({ Cmd: ["sh", "-c", "exit 5"] });
    const connection = bench.raw(`POST /containers/${id}/wait?condition=next-exit HTTP/1.1\nHost: d\n\n`);
    expect(await connection.until("\r\n\r\n")).toContain("HTTP/1.1 200 OK");
    await bench.call("POST", `/containers/${id}/start`);
    await connection.until('{"StatusCode":5}\n');
    connection.socket.destroy();
  });

  it("refuses a condition it does not know", async () => {
    const id = await bench.create({ Cmd: ["true"] });
    const answer = await bench.call("POST", `/containers/${id}/wait?condition=bad`);
    expect([answer.status, answer.text]).toEqual([400, '{"message":"invalid condition: \\"bad\\""}\n']);
  });
});

describe("logs and events", () => {
  it("of a container are framed, with times when asked for", async () => {
    const id = await bench.run({ Cmd: ["sh", "-c", "echo out; echo err >&2"] });
    await bench.call("POST", `/containers/${id}/wait`);
    const plain = await bench.call("GET", `/containers/${id}/logs?stdout=1&stderr=1`);
    expect(plain.headers["content-type"]).toBe("application/vnd.docker.multiplexed-stream");
    expect(plain.text).toBe("\x01\0\0\0\0\0\0\x04out\n\x02\0\0\0\0\0\0\x04err\n");
    const stamped = await bench.call("GET", `/containers/${id}/logs?stdout=1&timestamps=1&tail=1`);
    expect(stamped.text.slice(8)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z out\n$/);
  });

  it("of a container are a frame a line, since clients take one for the other", async () => {
    const id = await bench.run({ Cmd: ["sh", "-c", "echo one; echo two"] });
    await bench.call("POST", `/containers/${id}/wait`);
    const plain = await bench.call("GET", `/containers/${id}/logs?stdout=1`);
    expect(plain.text).toBe("\x01\0\0\0\0\0\0\x04one\n\x01\0\0\0\0\0\0\x04two\n");
    const stamped = await bench.call("GET", `/containers/${id}/logs?stdout=1&timestamps=1`);
    const head = `\x01\0\0\0\0\0\0${String.fromCharCode("2026-11-29T17:00:00.000000000Z one\n".length)}`;
    expect(stamped.text.replaceAll(/\d{4}\S+/g, "TIME")).toBe(`${head}TIME one\n${head}TIME two\n`);
  });

  it.each([
    ["logs", "GET /containers/ID/logs?stdout=1"],
    ["attached output", "POST /containers/ID/attach?stream=1&stdout=1"],
  ])("%s: wait for a client who reads slowly", async (_, request) => {
    const id = await bench.create({ Cmd: ["true"] });
    let produced = 0;
    async function* output() {
      const entry = { stream: "stdout" as const, data: Buffer.alloc(100_000, "line\n") };
      for (; produced < 1000; produced++) {
        // As after a look into a file: what was added before has been written.
        await setImmediate();
        yield entry;
      }
    }
    const idle = async () => {};
    const session = { output: output(), write: idle, end: idle, resize: idle, close: () => {} };
    vi.spyOn(bench.runtime.containers, "logs").mockReturnValue(output());
    vi.spyOn(bench.runtime.containers, "attach").mockResolvedValue(session);
    const connection = bench.raw(`${request.replace("ID", id)} HTTP/1.1\nHost: d\n\n`);
    await connection.until("line\n");
    connection.socket.pause();
    // While others are served, the server has had its turns.
    for (let calls = 0; calls < 20; calls++) await bench.call("GET", "/_ping");
    expect(produced).toBeLessThan(20);
    connection.socket.destroy();
    vi.restoreAllMocks();
  });

  it("need a stream to be chosen", async () => {
    const id = await bench.create({ Cmd: ["true"] });
    expect((await bench.call("GET", `/containers/${id}/logs`)).text).toContain(
      "Bad parameters: you must choose at least one stream",
    );
  });

  it.each(["", "&follow=1"])("that no driver keeps are refused before the head: %s", async (follow) => {
    const id = await bench.create({ Cmd: ["true"], HostConfig: { LogConfig: { Type: "none" } } });
    const answer = await bench.call("GET", `/containers/${id}/logs?stdout=1${follow}`);
    expect([answer.status, answer.text]).toEqual([
      501,
      '{"message":"configured logging driver does not support reading"}\n',
    ]);
  });

  it("come as they happen, the head at once", async () => {
    const connection = bench.raw(
      'GET /events?filters={"type":{"volume":true}} HTTP/1.1\nHost: d\n\n'.replaceAll('"', "%22"),
    );
    await connection.until("\r\n\r\n");
    await bench.call("POST", "/volumes/create", { json: { Name: "told" } });
    expect(await connection.until('"Action":"create"')).toContain('"Actor":{"ID":"told"');
    connection.socket.destroy();
  });

  it("end at an instant of the past", async () => {
    expect((await bench.call("GET", "/events?until=1")).status).toBe(200);
  });
});

describe("progress", () => {
  it("tells a failure in the stream once it has begun", async () => {
    const answer = await bench.call("POST", "/images/load", { body: "garbage" });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('"errorDetail"');
  });

  it("tells a failure before it by the status", async () => {
    expect((await bench.call("POST", "/images/create?fromImage=nosuch&tag=1")).status).toBe(404);
    const pulled = await bench.call("POST", "/images/create?fromImage=there&tag=1");
    expect(
      pulled.text
        .trim()
        .split("\r\n")
        .slice(-2)
        .map((line) => JSON.parse(line).status),
    ).toEqual([expect.stringMatching(/^Digest: sha256:/), "Status: Downloaded newer image for there:1"]);
  });
});

describe("an archive", () => {
  it("that is not read to its end has the answer say why, before the connection ends", async () => {
    const load = vi.spyOn(bench.runtime.images, "load").mockImplementation(async (archive) => {
      await once(archive, "readable");
      archive.destroy();
      throw new RuntimeError("invalid", "Invalid tar archive");
    });
    const body = "x".repeat(16 << 20);
    const { status, text } = await bench.call("POST", "/images/load?quiet=1", { body });
    expect([status, text]).toEqual([400, '{"message":"Invalid tar archive"}\n']);
    expect((await bench.call("POST", "/images/load", { body })).text).toContain(
      '"errorDetail":{"message":"Invalid tar archive"}',
    );
    load.mockRestore();
  });
});

describe("a pull", () => {
  it("takes the tag that is given before the image's own, and its digest before both", async () => {
    const digest = `sha256:${"1".repeat(64)}`;
    const closing = async (query: string) => {
      const answer = await bench.call("POST", `/images/create?${query}`);
      return answer.status === 200
        ? JSON.parse(answer.text.trim().split("\r\n").at(-1) ?? "").status
        : answer.text;
    };
    expect(await closing("fromImage=there:0&tag=1")).toMatch(/ there:1$/);
    expect(await closing("fromImage=there:1&tag=1")).toMatch(/ there:1$/);
    expect(await closing(`fromImage=there:1&tag=${digest}`)).toContain(`there@${digest}`);
    expect(await closing("fromImage=there&tag=a:b")).toContain("invalid tag format");
  });
});

describe("files", () => {
  it("have their state in a header", async () => {
    const id = await bench.create({ Cmd: ["true"] });
    const answer = await bench.call("HEAD", `/containers/${id}/archive?path=/etc/motd`);
    const stat = JSON.parse(
      Buffer.from(String(answer.headers["x-docker-container-path-stat"]), "base64").toString(),
    );
    expect(stat).toMatchObject({ name: "motd", size: 5, mode: 0o644 });
    expect((await bench.call("GET", `/containers/${id}/archive?path=/nosuch`)).text).toContain(
      "Could not find the file /nosuch in container ",
    );
    expect((await bench.call("GET", `/containers/${id}/archive`)).text).toContain(
      "bad parameter: pathcannot be empty",
    );
  });
});
