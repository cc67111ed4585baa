import { isPortTaken } from "../../daemon/client.ts";
import type { Stack } from "../../spec/index.ts";
import type { Finding } from "./check.ts";

/** Ports that the files here publish and another program has. */
export async function checkPorts(
  stack: Stack,
  isOurs: (port: number) => boolean,
): Promise<readonly Finding[]> {
  const wanted = Object.entries(stack.services).flatMap(([service, { ports = [] }]) =>
    ports.flatMap(({ published, protocol = "tcp", host_ip }) => {
      const number = Number(published ?? "");
      if (!Number.isInteger(number) || number === 0 || isOurs(number)) return [];
      return [{ service, number, protocol, hostIp: host_ip }];
    }),
  );
  const taken = await Promise.all(
    wanted.map(async (port) => ({
      ...port,
      isTaken: await isPortTaken({
        containerPort: 0,
        hostPort: port.number,
        protocol: port.protocol === "udp" ? "udp" : "tcp",
        ...(port.hostIp !== undefined && { hostIp: port.hostIp }),
      }),
    })),
  );
  const lost = taken.filter(({ isTaken }) => isTaken);
  if (lost.length === 0) {
    return [{ id: "ports", title: "Ports of this stack", status: "ok", found: `${wanted.length} free` }];
  }
  return lost.map(({ service, number, protocol }) => ({
    id: `port/${number}/${protocol}`,
    title: `Port ${number}/${protocol}`,
    status: "error",
    found: "taken by another program",
    problem: `services.${service}.ports publishes it`,
    fix: `ss -H${protocol === "udp" ? "u" : "t"}lnp sport = :${number}`,
  }));
}
