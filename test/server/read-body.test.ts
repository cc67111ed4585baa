import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rawBody, readJsonBody } from "../../src/server/read-body.ts";

const path = join(tmpdir(), `stowage-body-${process.pid}.sock`);
const server = createServer({ allowHalfOpen: true });
let client: Socket;
let socket: Socket;

beforeEach(async () => {
  server.listen(path);
  await once(server, "listening");
  client = connect(path);
  [socket] = (await once(server, "connection")) as [Socket];
});
afterEach(async () => {
  client.destroy();
  socket.destroy();
  server.close();
  await once(server, "close");
  rmSync(path, { force: true });
});

describe("a body read from a connection of ours", () => {
  it.each([
    ["of a length", { "content-length": "1000" }, "{"],
    ["in chunks", { "transfer-encoding": "chunked" }, "3e8\r\n{"],
    ["in chunks whose size never ends", { "transfer-encoding": "chunked" }, "3e"],
    ["whose trailers never end", { "transfer-encoding": "chunked" }, "2\r\n{}\r\n0\r\nX: a\r\n"],
  ])(
    "%s that stalls is given up, and the connection is free for the answer",
    async (_what, headers, bytes) => {
      client.write(bytes);
      const reading = readJsonBody(rawBody(socket, headers), headers, { stallMs: 100 });
      await expect(reading).rejects.toMatchObject({ kind: "timeout" });
      const received = text(client);
      socket.end("408");
      expect(await received).toBe("408");
    },
  );

  it("leaves what follows it", async () => {
    client.write("2\r\n{}\r\n0\r\n\r\nstdin");
    const headers = { "transfer-encoding": "chunked" };
    await readJsonBody(rawBody(socket, headers), headers);
    client.end();
    expect(await text(socket)).toBe("stdin");
  });
});
