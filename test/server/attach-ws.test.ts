import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { ServerBench } from "./support.ts";

const bench = new ServerBench();
beforeAll(() => bench.open());
afterAll(() => bench.close());

const CAT = { Cmd: ["cat"], OpenStdin: true, StdinOnce: true };
const ALL = "stream=1&stdin=1&stdout=1&stderr=1";

class Client {
  readonly webSocket: WebSocket;
  readonly isClosed: Promise<unknown>;
  readonly kinds = new Set<string>();
  text = "";

  constructor(path: string) {
    this.webSocket = new WebSocket(`ws+unix://${bench.socketPath}:${path}`);
    this.webSocket.on("message", (data, isBinary) => {
      this.text += String(data);
      this.kinds.add(isBinary ? "binary" : "text");
      this.webSocket.emit("received");
    });
    this.isClosed = once(this.webSocket, "close");
  }

  async until(part: string): Promise<void> {
    while (!this.text.includes(part)) await once(this.webSocket, "received");
  }
}

describe("a container's streams over a WebSocket", () => {
  it("carry stdin and output, in binary messages, until the process ends", async () => {
    const id = await bench.create({ ...CAT, Cmd: ["sh", "-c", "cat"] });
    const client = new Client(`/containers/${id}/attach/ws?${ALL}`);
    await once(client.webSocket, "open");
    await bench.call("POST", `/containers/${id}/start`);
    client.webSocket.send("as text\n");
    await client.until("as text\n");
    client.webSocket.send(Buffer.from("as bytes\n"), { binary: true });
    await client.until("as bytes\n");
    expect(client).toMatchObject({ text: "as text\nas bytes\n", kinds: new Set(["binary"]) });
    await bench.call("POST", `/containers/${id}/kill`);
    await client.isClosed;
  });

  it("are text before API 1.28, and need not be named before 1.42", async () => {
    const id = await bench.create({ Cmd: ["echo", "ahoy"] });
    const client = new Client(`/v1.27/containers/${id}/attach/ws?stream=1`);
    await once(client.webSocket, "open");
    await bench.call("POST", `/containers/${id}/start`);
    await client.isClosed;
    expect(client).toMatchObject({ text: "ahoy\n", kinds: new Set(["text"]) });
  });

  it("are let go by the detach keys", async () => {
    const id = await bench.run({ ...CAT, Tty: true });
    const client = new Client(`/containers/${id}/attach/ws?${ALL}`);
    await once(client.webSocket, "open");
    client.webSocket.send("a\x10\x11");
    await client.isClosed;
    expect(client.text).toBe("a");
    const { State } = JSON.parse((await bench.call("GET", `/containers/${id}/json`)).text);
    expect(State.Running).toBe(true);
  });

  it("leave the process alone when the client goes", async () => {
    const id = await bench.run({ Cmd: ["cat"], OpenStdin: true });
    const client = new Client(`/containers/${id}/attach/ws?${ALL}`);
    await once(client.webSocket, "open");
    client.webSocket.terminate();
    await client.isClosed;
    const again = new Client(`/containers/${id}/attach/ws?${ALL}`);
    await once(again.webSocket, "open");
    again.webSocket.send("still there");
    await again.until("still there");
    again.webSocket.close();
    await again.isClosed;
  });

  it.each([
    ["of no container", `/containers/nosuch/attach/ws?${ALL}`, 404],
    ["with detach keys that are none", `/containers/it/attach/ws?${ALL}&detachKeys=ctrl-%3F`, 400],
  ])("are refused %s", async (_, path, status) => {
    await bench.call("POST", "/containers/create?name=it", { json: { Image: "busybox" } });
    const client = new Client(path);
    client.isClosed.catch(() => undefined);
    client.webSocket.on("error", () => undefined);
    const [, response] = await once(client.webSocket, "unexpected-response");
    expect(response.statusCode).toBe(status);
    client.webSocket.terminate();
  });

  it("are refused to a request that is no handshake", async () => {
    const id = await bench.create(CAT);
    const { status, text } = await bench.call("GET", `/containers/${id}/attach/ws?${ALL}`);
    expect(status).toBe(400);
    expect(JSON.parse(text).message).toMatch(/upgrade/i);
  });
});
