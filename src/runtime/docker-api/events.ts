import type { EventType, RuntimeEvent } from "../index.ts";
import { WireObject } from "./wire-object.ts";

const TYPES: readonly EventType[] = ["container", "image", "network", "volume", "builder", "daemon"];

/** One line of `GET /events`; containers and images also carry the fields of old (`status`, `id`, `from`). */
export function eventToWire(event: RuntimeEvent): string {
  const isOld = event.type === "container" || event.type === "image";
  const from = event.type === "container" ? event.attributes["image"] : undefined;
  const head = JSON.stringify({
    ...(isOld ? { status: event.action, id: event.id } : {}),
    ...(from === undefined ? {} : { from }),
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.id, Attributes: event.attributes },
    scope: "local",
  });
  // Nanoseconds do not fit a double: the number is written by hand.
  return `${head.slice(0, -1)},"time":${event.timeNs / 1_000_000_000n},"timeNano":${event.timeNs}}`;
}

/** Undefined for kinds of things the port does not know (nodes, services, plugins). */
export function eventFromWire(line: string): RuntimeEvent | undefined {
  const body = new WireObject(JSON.parse(line));
  const type = TYPES.find((known) => known === body.text("Type"));
  if (type === undefined) return undefined;
  const exact = /"timeNano":(\d+)/.exec(line)?.[1];
  const actor = body.object("Actor");
  return {
    type,
    action: body.text("Action") ?? "",
    id: actor.text("ID") ?? "",
    attributes: actor.record("Attributes") ?? {},
    timeNs: exact === undefined ? BigInt(body.number("time") ?? 0) * 1_000_000_000n : BigInt(exact),
  };
}
