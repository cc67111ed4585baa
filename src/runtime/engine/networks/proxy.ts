import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Where a held port's own traffic goes: what the kernel's translation does not catch ([::1], IPv6 to an IPv4 container). */
export interface ProxyTarget {
  readonly address: string;
  readonly port: number;
}

/** A held port: nobody else can have it, and what reaches the socket itself is passed on. */
export interface HeldPort {
  readonly port: number;
  /** Undefined: refuse. */
  setTarget(target: ProxyTarget | undefined): void;
  close(): Promise<void>;
}

const UDP_IDLE_MS = 90_000;
/** Each is an open socket; clients come with as many ports as they like. */
const MOST_UDP_SESSIONS = 1024;

/** Rejects with the error of listen(2). `port` 0: any free one. */
export function holdTcp(hostIp: string, port: number): Promise<HeldPort> {
  let target: ProxyTarget | undefined;
  const connections = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    if (target === undefined) client.destroy();
    else join(client, connect({ host: target.address, port: target.port, allowHalfOpen: true }), connections);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: hostIp, port, ipv6Only: hostIp.includes(":"), exclusive: true }, () => {
      server.off("error", reject);
      server.on("error", () => undefined);
      server.unref();
      const bound = server.address();
      resolve({
        port: typeof bound === "object" && bound !== null ? bound.port : port,
        setTarget: (next) => {
          target = next;
        },
        close: () => {
          for (const connection of connections) connection.destroy();
          return new Promise((done) => server.close(() => done()));
        },
      });
    });
  });
}

function join(client: Socket, upstream: Socket, connections: Set<Socket>): void {
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    connections.add(from);
    from.on("error", () => to.destroy());
    from.on("close", () => {
      connections.delete(from);
      to.destroySoon();
    });
    from.pipe(to);
  }
}

/** With more than `mostSessions` clients, those are forgotten that have been silent for longest. */
export function holdUdp(
  hostIp: string,
  port: number,
  mostSessions: number = MOST_UDP_SESSIONS,
): Promise<HeldPort> {
  let target: ProxyTarget | undefined;
  /** By client, the one heard last at the end. */
  const sessions = new Map<string, DatagramSocket>();
  const isIpv6 = hostIp.includes(":");
  const socket = createSocket({ type: isIpv6 ? "udp6" : "udp4", ipv6Only: isIpv6 });
  const endSession = (key: string): void => {
    sessions.get(key)?.close();
    sessions.delete(key);
  };
  socket.on("message", (data, from) => {
    if (target === undefined) return;
    const key = `${from.address} ${from.port}`;
    const [oldest] = sessions.keys();
    const known = sessions.get(key);
    if (known === undefined && oldest !== undefined && sessions.size >= mostSessions) endSession(oldest);
    const session =
      known ??
      openSession(
        target,
        (answer) => socket.send(answer, from.port, from.address),
        () => endSession(key),
      );
    sessions.delete(key);
    sessions.set(key, session);
    session.send(data, target.port, target.address);
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address: hostIp, port, exclusive: true }, () => {
      socket.off("error", reject);
      socket.on("error", () => undefined);
      socket.unref();
      resolve({
        port: socket.address().port,
        setTarget: (next) => {
          target = next;
        },
        close: () => {
          for (const key of [...sessions.keys()]) endSession(key);
          return new Promise((done) => socket.close(() => done()));
        },
      });
    });
  });
}

function openSession(
  target: ProxyTarget,
  onAnswer: (data: Buffer) => void,
  onEnd: () => void,
): DatagramSocket {
  const session = createSocket(target.address.includes(":") ? "udp6" : "udp4");
  const timer = setTimeout(onEnd, UDP_IDLE_MS);
  session.on("message", (data) => {
    timer.refresh();
    onAnswer(data);
  });
  session.on("error", onEnd);
  session.on("close", () => clearTimeout(timer));
  session.unref();
  return session;
}
