import { RuntimeError } from "../../index.ts";
import type { Container } from "./container.ts";
import type { ContainerTable } from "./container-table.ts";
import { linksOf } from "./links.ts";

/**
 * The variables that links bring on the default network, as Docker names them: where the other container's ports
 * are, and its own variables. `conflict` when it does not run.
 */
export function linkEnv(table: ContainerTable, { record }: Container): readonly string[] {
  return linksOf(table, record).flatMap(({ other, name, alias }) => {
    if (other?.run === undefined)
      throw new RuntimeError(
        "conflict",
        `Cannot link to a non running container: /${name} AS /${record.name}/${alias}`,
      );
    const { run, effective } = other;
    const address = run.sandbox.endpoints["bridge"]?.ipAddress;
    if (address === undefined || address === "")
      throw new RuntimeError("conflict", `container ${other.id} not attached to default bridge network`);
    const prefix = prefixOf(alias);
    return [
      ...portVariables(prefix, address, effective.exposedPorts.map(portOf).sort(inOrder)),
      `${prefix}_NAME=/${record.name}/${alias}`,
      ...effective.env
        .filter((entry) => entry.includes("=") && !/^(HOME|PATH)=/.test(entry))
        .map((entry) => `${prefix}_ENV_${entry}`),
    ];
  });
}

/** What is left of such variables when a link goes. */
export function withoutLink(linkEnv: readonly string[], alias: string): readonly string[] {
  const prefix = prefixOf(alias);
  return linkEnv.filter(
    (entry) => !["NAME=", "PORT=", "PORT_", "ENV_"].some((rest) => entry.startsWith(`${prefix}_${rest}`)),
  );
}

function prefixOf(alias: string): string {
  return alias.toUpperCase().replaceAll("-", "_");
}

interface Port {
  readonly number: number;
  readonly protocol: string;
}

function portOf(text: string): Port {
  const [number = "", protocol = "tcp"] = text.split("/");
  return { number: Number(number), protocol };
}

/** TCP before the others. */
function inOrder(a: Port, b: Port): number {
  return Number(b.protocol === "tcp") - Number(a.protocol === "tcp") || a.number - b.number;
}

function portVariables(prefix: string, address: string, ports: readonly Port[]): readonly string[] {
  const [first] = ports;
  if (first === undefined) return [];
  const urlOf = ({ number, protocol }: Port) => `${protocol}://${address}:${number}`;
  const nameOf = ({ number, protocol }: Port) => `${prefix}_PORT_${number}_${protocol.toUpperCase()}`;
  const each = ports.flatMap((port) => [
    `${nameOf(port)}=${urlOf(port)}`,
    `${nameOf(port)}_ADDR=${address}`,
    `${nameOf(port)}_PORT=${port.number}`,
    `${nameOf(port)}_PROTO=${port.protocol}`,
  ]);
  const ranges = rangesOf(ports).flatMap(([start, end]) => [
    `${nameOf(start)}_START=${urlOf(start)}`,
    `${nameOf(start)}_PORT_START=${start.number}`,
    `${nameOf(start)}_END=${urlOf(end)}`,
    `${nameOf(start)}_PORT_END=${end.number}`,
  ]);
  return [`${prefix}_PORT=${urlOf(first)}`, ...each, ...ranges];
}

/** Ports that follow each other, two at least. */
function rangesOf(ports: readonly Port[]): readonly (readonly [Port, Port])[] {
  const ranges: [Port, Port][] = [];
  for (const port of ports) {
    const last = ranges.at(-1);
    if (last?.[1].protocol === port.protocol && last[1].number + 1 === port.number) last[1] = port;
    else ranges.push([port, port]);
  }
  return ranges.filter(([start, end]) => start !== end);
}
