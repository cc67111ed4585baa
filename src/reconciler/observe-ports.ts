import { type Desired, LABEL, type TakenPort } from "../planner/index.ts";
import type { ContainerRuntime, ContainerSummary, PortBinding, Protocol } from "../runtime/index.ts";

export interface PortContext {
  readonly stackName: string;
  readonly desired: Desired | undefined;
  /** The stack's containers. */
  readonly summaries: readonly ContainerSummary[];
  readonly isPortTaken?: (binding: PortBinding) => Promise<boolean>;
}

interface Wish {
  readonly hostIp?: string;
  readonly hostPort: number;
  readonly protocol: Protocol;
  readonly containerPort: number;
}

/** Fixed ports that the stack wants and somebody else has. No calls when its own containers hold all of them. */
export async function observeTakenPorts(
  runtime: ContainerRuntime,
  context: PortContext,
): Promise<readonly TakenPort[]> {
  const wishes = openWishes(context);
  if (wishes.length === 0) return [];
  const running = await runtime.containers.list();
  const taken = await Promise.all(wishes.map((wish) => takenBy(wish, running, context)));
  return taken.flatMap((port) => port ?? []);
}

function openWishes({ desired, summaries }: PortContext): readonly Wish[] {
  const held = new Set(
    summaries.flatMap(({ ports }) => ports.map(({ protocol, hostPort }) => `${protocol}/${hostPort}`)),
  );
  const found = new Map<string, Wish>();
  for (const [name, service] of Object.entries(desired?.stack.services ?? {})) {
    if (desired?.services[name]?.state !== "running") continue;
    for (const { published = "", protocol = "tcp", host_ip: hostIp, target } of service.ports ?? []) {
      if (!/^[1-9]\d*$/.test(published) || held.has(`${protocol}/${published}`)) continue;
      found.set(`${protocol}/${hostIp ?? ""}/${published}`, {
        hostPort: Number(published),
        protocol: protocol === "udp" || protocol === "sctp" ? protocol : "tcp",
        containerPort: target,
        ...(hostIp !== undefined && { hostIp }),
      });
    }
  }
  return [...found.values()];
}

async function takenBy(
  wish: Wish,
  running: readonly ContainerSummary[],
  { stackName, isPortTaken }: PortContext,
): Promise<TakenPort | undefined> {
  const { hostPort, protocol, hostIp } = wish;
  const port = { hostPort, protocol, ...(hostIp !== undefined && { hostIp }) };
  const owner = running.find(
    ({ ports, labels }) =>
      labels[LABEL.project] !== stackName &&
      ports.some(
        (other) =>
          other.hostPort === hostPort && other.protocol === protocol && overlap(other.hostIp, hostIp),
      ),
  );
  if (owner !== undefined) return { ...port, by: `container "${owner.name}"` };
  if (isPortTaken !== undefined && (await isPortTaken(wish))) return { ...port, by: "another program" };
  return undefined;
}

function overlap(a: string | undefined, b: string | undefined): boolean {
  return a === b || isEvery(a) || isEvery(b);
}

function isEvery(address: string | undefined): boolean {
  return address === undefined || address === "" || address === "0.0.0.0" || address === "::";
}
