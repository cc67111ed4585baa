import type { EventBus } from "./event-bus.ts";

/** An event of an image, with its labels and a name as Docker has them. */
export function announceImage(
  events: EventBus,
  action: string,
  { id, labels }: { readonly id: string; readonly labels: Readonly<Record<string, string>> },
  name = id,
): void {
  events.publish({ type: "image", action, id, attributes: { ...labels, name } });
}
