import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

const FIRST = 10_000;
const LAST = 65_535;
const given = new Set<number>();

/**
 * The first of `count` ports in a row that nobody has, on TCP and UDP; none is given twice. They lie below those that
 * the kernel chooses itself, where there is room: until they are used, no connection of another program comes to
 * have one.
 */
export async function freePort(count = 1): Promise<number> {
  const chosen = firstEphemeralPort();
  const end = (chosen > FIRST + 1000 ? chosen : LAST) - count;
  for (;;) {
    const first = randomInt(FIRST, end);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if (ports.some((port) => given.has(port))) continue;
    if (!(await Promise.all(ports.map(isFree))).every(Boolean)) continue;
    for (const port of ports) given.add(port);
    return first;
  }
}

function firstEphemeralPort(): number {
  return Number(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/)[0]);
}

async function isFree(port: number): Promise<boolean> {
  const tcp = new Promise<boolean>((done) => {
    const server = createServer();
    server.on("error", () => done(false));
    server.listen(port, () => server.close(() => done(true)));
  });
  const udp = new Promise<boolean>((done) => {
    const socket = createSocket("udp4");
    socket.on("error", () => {
      socket.close();
      done(false);
    });
    socket.bind(port, () => socket.close(() => done(true)));
  });
  return (await Promise.all([tcp, udp])).every(Boolean);
}
