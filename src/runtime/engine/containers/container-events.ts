import type { Container } from "./container.ts";
import type { ContainersContext } from "./context.ts";

/** An event of a container, with its image, name and labels as Docker has them. */
export function announce(
  ctx: Pick<ContainersContext, "events">,
  container: Container,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  const { record, effective } = container;
  ctx.events.publish({
    type: "container",
    action,
    id: record.id,
    attributes: { ...effective.labels, ...attributes, image: record.spec.image, name: record.name },
  });
}

export function announceNetworks(
  ctx: Pick<ContainersContext, "events">,
  container: Container,
  action: "connect" | "disconnect",
): void {
  for (const { networkId, networkName } of Object.values(container.run?.sandbox.endpoints ?? {}))
    announceNetwork(ctx, action, { containerId: container.id, networkId, networkName });
}

export function announceNetwork(
  ctx: Pick<ContainersContext, "events">,
  action: "connect" | "disconnect",
  endpoint: { readonly containerId: string; readonly networkId: string; readonly networkName: string },
): void {
  const { containerId, networkId, networkName } = endpoint;
  const type =
    networkName === "host" || networkName === "none" ? networkName.replace("none", "null") : "bridge";
  ctx.events.publish({
    type: "network",
    action,
    id: networkId,
    attributes: { container: containerId, name: networkName, type },
  });
}

export function announceVolumes(
  ctx: Pick<ContainersContext, "events">,
  container: Container,
  action: "mount" | "unmount",
): void {
  for (const mount of container.record.mounts) {
    if (mount.type !== "volume" || mount.name === undefined) continue;
    const more =
      action === "unmount"
        ? {}
        : {
            destination: mount.target,
            "read/write": String(mount.isReadWrite),
            propagation: mount.propagation,
          };
    ctx.events.publish({
      type: "volume",
      action,
      id: mount.name,
      attributes: { container: container.id, driver: mount.driver ?? "local", ...more },
    });
  }
}
