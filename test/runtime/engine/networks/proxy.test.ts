import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { type HeldPort, holdUdp } from "../../../../src/runtime/engine/networks/proxy.ts";

describe("a held UDP port", () => {
  const open: (Socket | HeldPort)[] = [];
  afterEach(() => {
    for (const one of open.splice(0)) one.close();
  });

  const socketOn = async (): Promise<Socket> => {
    const socket = createSocket("udp4");
    open.push(socket);
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return socket;
  };

  it("keeps a socket for so many clients, those that were heard last", async () => {
    // Tells each datagram which port it came from: that of its session.
    const server = await socketOn();
    server.on("message", (_, { port, address }) => server.send(String(port), port, address));
    const held = await holdUdp("127.0.0.1", 0, 2);
    open.push(held);
    held.setTarget({ address: "127.0.0.1", port: server.address().port });
    const sessionOf = async (client: Socket): Promise<string> => {
      client.send("?", held.port, "127.0.0.1");
      return String((await once(client, "message"))[0]);
    };
    const [a, b, c] = [await socketOn(), await socketOn(), await socketOn()];
    const first = await sessionOf(a);
    const second = await sessionOf(b);
    expect(await sessionOf(a)).toBe(first);
    await sessionOf(c);
    expect(await sessionOf(a)).toBe(first);
    // Its port is free.
    const taker = createSocket("udp4");
    open.push(taker);
    taker.bind(Number(second), "0.0.0.0");
    await once(taker, "listening");
  });
});
