import { writeFile } from "node:fs/promises";
import { type EndpointSpec, RuntimeError } from "../../index.ts";
import { etcPaths, writeRun } from "./bundle.ts";
import type { Container, Run } from "./container.ts";
import { announceNetwork } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { checkEndpoint } from "./endpoint-settings.ts";
import { networkOfMode, refuseCompany } from "./sandbox-request.ts";

/** See `Networks.connect`. */
export async function connectContainer(
  ctx: ContainersContext,
  network: string,
  nameOrId: string,
  endpoint: EndpointSpec = {},
): Promise<void> {
  const container = ctx.table.find(nameOrId);
  const { id: networkId, name } = await ctx.networks.find(network);
  await ctx.table.change(container, async () => {
    const { record } = container;
    refuseConnect(container, name);
    checkEndpoint(name, endpoint);
    if (container.run !== undefined) {
      const info = await ctx.networks.attach(record.id, networkId, endpoint);
      await changeRun(ctx, container, { ...container.run.sandbox.endpoints, [name]: info });
    }
    container.record = { ...record, endpoints: { ...record.endpoints, [name]: endpoint } };
    await ctx.store.save(container.record);
    if (container.run !== undefined)
      announceNetwork(ctx, "connect", { containerId: record.id, networkId, networkName: name });
  });
}

function refuseConnect({ record }: Container, name: string): void {
  if (name in record.endpoints)
    throw new RuntimeError(
      "forbidden",
      `endpoint with name ${record.name} already exists in network ${name}`,
    );
  if (networkOfMode(record.spec.networkMode) === undefined)
    throw new RuntimeError(
      "invalid",
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
  refuseCompany([...Object.keys(record.endpoints), name]);
  if (record.spec.networkMode === "host" || name === "host")
    throw new RuntimeError(
      "invalid",
      "cannot connect container to host network or a host container to another network",
    );
}

/** See `Networks.disconnect`. */
export async function disconnectContainer(
  ctx: ContainersContext,
  network: string,
  nameOrId: string,
  { force = false }: { readonly force?: boolean } = {},
): Promise<void> {
  const container = ctx.table.peek(nameOrId);
  if (container === undefined) {
    if (force) return;
    throw new RuntimeError("not-found", `No such container: ${nameOrId}`);
  }
  const { id: networkId, name } = await ctx.networks.find(network);
  await ctx.table.change(container, async () => {
    const { record } = container;
    if (name === "host" && name in record.endpoints)
      throw new RuntimeError(
        "invalid",
        "cannot disconnect container from host network - container was created in host network mode",
      );
    if (!(name in record.endpoints))
      throw new RuntimeError("conflict", `container ${record.id} is not connected to network ${name}`);
    if (container.run !== undefined) {
      await ctx.networks.detach(record.id, networkId);
      await changeRun(ctx, container, without(container.run.sandbox.endpoints, name));
    }
    container.record = { ...record, endpoints: without(record.endpoints, name) };
    await ctx.store.save(container.record);
    if (container.run !== undefined)
      announceNetwork(ctx, "disconnect", { containerId: record.id, networkId, networkName: name });
  });
}

function without<T>(record: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}

async function changeRun(
  ctx: ContainersContext,
  container: Container,
  endpoints: Run["sandbox"]["endpoints"],
): Promise<void> {
  if (container.run === undefined) return;
  container.run = { ...container.run, sandbox: { ...container.run.sandbox, endpoints } };
  await writeRun(ctx, container.id, container.run);
  await rewriteTexts(ctx, container);
}

/** /etc/hosts and /etc/resolv.conf of a running container, as they should be now. */
export async function rewriteTexts(ctx: ContainersContext, container: Container): Promise<void> {
  // The files are bound into the container: rewritten in place.
  const texts = await ctx.networks.texts(container.id);
  if (texts === undefined) return;
  const paths = etcPaths(ctx, container.id);
  await Promise.all([writeFile(paths.hosts, texts.hosts), writeFile(paths.resolvConf, texts.resolvConf)]);
}
