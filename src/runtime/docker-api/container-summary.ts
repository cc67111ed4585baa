import { compact } from "../../lib/compact.ts";
import type { ContainerState, ContainerSummary } from "../index.ts";
import { isStatus, stateFromWire, stateToWire } from "./container-state.ts";
import { endpointsFromWire, endpointsToWire } from "./endpoints.ts";
import { EXTENSION, revive } from "./extension.ts";
import { mountPointFromWire, mountPointToWire } from "./mounts.ts";
import { portListFromWire, portListToWire } from "./ports.ts";
import { stateFromStatusText, statusText } from "./status-text.ts";
import type { WireObject } from "./wire-object.ts";

/** A line of `GET /containers/json`. */
export function containerSummaryToWire(
  summary: ContainerSummary,
  options: { readonly now: Date; readonly isExtended: boolean },
): Readonly<Record<string, unknown>> {
  return compact<Record<string, unknown>>({
    Id: summary.id,
    Names: [summary.name, ...(summary.linkNames ?? [])].map((name) => `/${name}`),
    Image: summary.image,
    ImageID: summary.imageId,
    Command: summary.command.map(quoteWhereNeeded).join(" "),
    Created: Math.floor(summary.createdAt.getTime() / 1000),
    Ports: portListToWire(summary.ports),
    SizeRw: summary.sizes?.writableBytes,
    SizeRootFs: summary.sizes?.rootfsBytes,
    Labels: summary.labels,
    State: summary.state.status,
    Status: statusText(summary.state, options.now),
    HostConfig: { NetworkMode: summary.networkMode },
    NetworkSettings: { Networks: endpointsToWire(summary.endpoints) },
    Mounts: summary.mounts.map(mountPointToWire),
    [EXTENSION]: options.isExtended ? extensionOf(summary) : undefined,
  });
}

function extensionOf(summary: ContainerSummary): Readonly<Record<string, unknown>> {
  return {
    Command: summary.command,
    CreatedAt: summary.createdAt.getTime(),
    RestartCount: summary.restartCount,
    State: stateToWire(summary.state),
    WasStoppedManually: summary.state.wasStoppedManually,
  };
}

/** As the docker engine joins an argv: single quotes round what has blanks. */
function quoteWhereNeeded(argument: string): string {
  return argument.includes(" ") ? `'${argument}'` : argument;
}

export function containerSummaryFromWire(line: WireObject): ContainerSummary {
  const extension = line.object(EXTENSION);
  const writableBytes = line.number("SizeRw");
  const rootfsBytes = line.number("SizeRootFs");
  const name = nameOf(line.texts("Names") ?? []);
  const linkNames = (line.texts("Names") ?? [])
    .map((text) => text.replace(/^\//, ""))
    .filter((text) => text !== name);
  const createdMs = extension.number("CreatedAt") ?? (line.number("Created") ?? 0) * 1000;
  return compact<ContainerSummary>({
    id: line.text("Id") ?? "",
    name,
    linkNames: linkNames.length === 0 ? undefined : linkNames,
    image: line.text("Image") ?? "",
    imageId: line.text("ImageID") ?? "",
    command: revive<readonly string[]>(extension.raw("Command")) ?? [line.text("Command") ?? ""],
    createdAt: new Date(createdMs),
    state: extension.isEmpty
      ? foreignState(line)
      : stateFromWire(extension.object("State"), extension.flag("WasStoppedManually")),
    labels: line.record("Labels") ?? {},
    ports: portListFromWire(line.objects("Ports")),
    mounts: line.objects("Mounts").map(mountPointFromWire),
    networkMode: line.object("HostConfig").text("NetworkMode") ?? "",
    endpoints: endpointsFromWire(line.object("NetworkSettings")),
    restartCount: extension.number("RestartCount") ?? 0,
    sizes:
      writableBytes === undefined && rootfsBytes === undefined
        ? undefined
        : { writableBytes: writableBytes ?? 0, rootfsBytes: rootfsBytes ?? 0 },
  });
}

/** Of several names (legacy links add `/other/alias`) the container's own has one slash. */
function nameOf(names: readonly string[]): string {
  const own = names.find((name) => name.lastIndexOf("/") === 0) ?? names[0] ?? "";
  return own.replace(/^\//, "");
}

function foreignState(line: WireObject): ContainerState {
  const status = line.text("State");
  return {
    status: isStatus(status) ? status : "created",
    pid: 0,
    error: "",
    oomKilled: false,
    ...stateFromStatusText(line.text("Status") ?? ""),
  };
}
