import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type ContainerSpec, RuntimeError } from "../../index.ts";
import type { NamespaceChoice } from "../oci/config.ts";
import type { MountRequest } from "../oci/mounts.ts";
import type { Sandbox } from "../parts.ts";
import type { Container, Run } from "./container.ts";
import type { ContainerTable } from "./container-table.ts";
import type { ContainersContext } from "./context.ts";
import { isAlive } from "./record.ts";

export const DEFAULT_SHM_BYTES = 64 << 20;

export interface ChosenNamespaces {
  readonly network: NamespaceChoice;
  readonly pid: NamespaceChoice;
  readonly ipc: NamespaceChoice;
  readonly uts: NamespaceChoice;
}

/** Where each of the container's namespaces comes from; `conflict` when another container must run and does not. */
export function chooseNamespaces(
  ctx: ContainersContext,
  container: Container,
  sandbox: Sandbox,
): ChosenNamespaces {
  const { spec } = container.record;
  return {
    network: networkNamespace(ctx, container, sandbox),
    pid: choose(ctx, spec.pidMode, "pid"),
    ipc: choose(ctx, spec.ipcMode, "ipc"),
    uts: spec.utsMode === "host" ? "host" : "own",
  };
}

function networkNamespace(
  ctx: ContainersContext,
  { record: { spec } }: Container,
  sandbox: Sandbox,
): NamespaceChoice {
  const donor = donorOf(spec.networkMode);
  if (donor !== undefined) return { path: namespacePath(runOf(ctx, donor, "network"), "net") };
  if (sandbox.netnsPath !== undefined) return { path: sandbox.netnsPath };
  return spec.networkMode === "host" ? "host" : "own";
}

function choose(ctx: ContainersContext, mode: string | undefined, type: "pid" | "ipc"): NamespaceChoice {
  if (mode === "host") return "host";
  const donor = donorOf(mode);
  return donor === undefined ? "own" : { path: namespacePath(runOf(ctx, donor, type), type) };
}

/** The `x` of `container:x`. */
export function donorOf(mode: string | undefined): string | undefined {
  return mode?.startsWith("container:") ? mode.slice("container:".length) : undefined;
}

/**
 * Joined containers by id, which no rename changes. `invalid` for one that is not there: for `not-found`, clients would
 * fetch the image. Whose network it is to be in may come later.
 */
export function settleDonors(table: ContainerTable, spec: ContainerSpec): ContainerSpec {
  const settled = { ...spec };
  for (const key of ["networkMode", "pidMode", "ipcMode"] as const) {
    const donor = donorOf(spec[key]);
    if (donor === undefined) continue;
    const found = table.peek(donor);
    if (found !== undefined) settled[key] = `container:${found.id}`;
    else if (key !== "networkMode") throw new RuntimeError("invalid", `No such container: ${donor}`);
  }
  return settled;
}

/** The run of the container whose namespace is to be joined. */
export function runOf(ctx: ContainersContext, donor: string, what: string): Run {
  const other = ctx.table.find(donor);
  if (other.run === undefined || !isAlive(other.record.state))
    throw new RuntimeError("conflict", `cannot join ${what} namespace of a non running container: ${donor}`);
  return other.run;
}

function namespacePath(run: Run, type: "net" | "pid" | "ipc"): string {
  return `/proc/${run.pid}/ns/${type}`;
}

/** Where /dev/shm comes from; a folder that others may share is mounted here first. */
export async function chooseShm(ctx: ContainersContext, container: Container): Promise<MountRequest["shm"]> {
  const { spec, id } = container.record;
  const mode = spec.ipcMode ?? "private";
  const sizeBytes =
    spec.shmSizeBytes === undefined || spec.shmSizeBytes === 0 ? DEFAULT_SHM_BYTES : spec.shmSizeBytes;
  if (mode === "none") return "none";
  if (mode === "host") return { source: "/dev/shm" };
  const donor = donorOf(mode);
  if (donor !== undefined) return { source: donorShm(ctx, donor) };
  if (mode !== "shareable") return { sizeBytes };
  const source = shmDir(ctx, id);
  await mkdir(source, { recursive: true });
  await ctx.host.mount("tmpfs", "shm", source, `mode=1777,size=${sizeBytes},nosuid,noexec,nodev`);
  return { source };
}

function donorShm(ctx: ContainersContext, donor: string): string {
  const other = ctx.table.find(donor);
  runOf(ctx, donor, "IPC");
  if (other.record.spec.ipcMode === "host") return "/dev/shm";
  if (other.record.spec.ipcMode === "shareable") return shmDir(ctx, other.id);
  throw new RuntimeError(
    "conflict",
    `cannot join IPC of container ${donor}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  );
}

export function shmDir({ layout }: Pick<ContainersContext, "layout">, id: string): string {
  return join(layout.bundleDir(id), "shm");
}
