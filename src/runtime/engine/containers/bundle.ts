import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "../../../lib/atomic-file.ts";
import { RuntimeError } from "../../index.ts";
import { apparmorProfileOf, ensureProfile } from "../oci/apparmor.ts";
import { ociConfig } from "../oci/config.ts";
import { allDevices, deviceNumbers, findDevices } from "../oci/devices.ts";
import { devicesOfResources } from "../oci/resources.ts";
import type { OciConfig } from "../oci/types.ts";
import type { PreparedMount, ResolvedImage, Sandbox } from "../parts.ts";
import type { Container, Run } from "./container.ts";
import type { ContainersContext } from "./context.ts";
import { chooseNamespaces, chooseShm, donorOf } from "./namespaces.ts";
import type { NestedMounts } from "./nested-mounts.ts";
import { ContainerRoot } from "./rooted-path.ts";
import { seccompTables } from "./seccomp-tables.ts";
import { userFiles } from "./user-files.ts";
import { lookUpUser } from "./user-lookup.ts";
import { writeConfig } from "./write-config.ts";

export interface BundleParts {
  readonly image: ResolvedImage;
  readonly rootfsDir: string;
  readonly sandbox: Sandbox;
  readonly mounts: readonly PreparedMount[];
  readonly linkEnv: readonly string[];
}

/**
 * Writes what the OCI runtime reads (config.json) and what is bound over /etc. What is resolved to lets go of the
 * mounts that were made already.
 */
export async function writeBundle(
  ctx: ContainersContext,
  container: Container,
  parts: BundleParts,
): Promise<Pick<NestedMounts, "detach">> {
  const etc = await writeEtcFiles(ctx, container, parts.sandbox);
  const config = await composeConfig(ctx, container, { ...parts, etc });
  return writeConfig(ctx, container.id, { rootfsDir: parts.rootfsDir, config });
}

type EtcFiles = ReturnType<typeof etcPaths>;

/** Where the files that are bound over /etc lie. */
export function etcPaths({ layout }: Pick<ContainersContext, "layout">, id: string) {
  const folder = layout.containerDir(id);
  return {
    hosts: join(folder, "hosts"),
    hostname: join(folder, "hostname"),
    resolvConf: join(folder, "resolv.conf"),
  };
}

async function writeEtcFiles(
  ctx: ContainersContext,
  container: Container,
  sandbox: Sandbox,
): Promise<EtcFiles> {
  const { spec, id } = container.record;
  const donor = donorOf(spec.networkMode);
  // Who shares another's network shares its names too, as in Docker.
  if (donor !== undefined) return etcPaths(ctx, ctx.table.find(donor).id);
  const paths = etcPaths(ctx, id);
  await Promise.all([
    writeFile(paths.hosts, sandbox.hosts, { mode: 0o644 }),
    writeFile(paths.hostname, `${container.effective.hostname}\n`, { mode: 0o644 }),
    writeFile(paths.resolvConf, sandbox.resolvConf, { mode: 0o644 }),
  ]);
  return paths;
}

async function composeConfig(
  ctx: ContainersContext,
  container: Container,
  { image, rootfsDir, sandbox, mounts, linkEnv, etc }: BundleParts & { readonly etc: EtcFiles },
): Promise<OciConfig> {
  const { record, effective } = container;
  const { spec } = record;
  const [shm, found, numbers] = await Promise.all([
    chooseShm(ctx, container),
    spec.privileged === true
      ? allDevices().then((devices) => ({ devices, rules: [] }))
      : findDevices(spec.devices ?? []),
    deviceNumbers(devicesOfResources(spec.resources ?? {})),
    ensureProfile(apparmorProfileOf(spec, ctx.machine)),
  ]);
  using root = new ContainerRoot(rootfsDir);
  refuseLinkedMountPoints(root);
  const donor = donorOf(spec.networkMode);
  const names = donor === undefined ? effective : ctx.table.find(donor).effective;
  const namespaces = chooseNamespaces(ctx, container, sandbox);
  return ociConfig({
    spec,
    effective: { ...effective, hostname: names.hostname, env: [...linkEnv, ...effective.env] },
    rootfsDir,
    cgroupsPath: cgroupsPathOf(ctx, container),
    user: lookUpUser({
      user: effective.user,
      groupAdd: spec.groupAdd ?? [],
      ...userFiles(root),
    }),
    mounts: { user: mounts, etc, shm },
    namespaces,
    machine: ctx.machine,
    seccompTables: seccompTables(root, { architecture: image.architecture, program: effective.path }),
    devices: found.devices,
    deviceRules: found.rules,
    deviceNumbers: numbers,
    // Among another's processes it would not be the first one, and has nothing to reap.
    ...(spec.init === true && namespaces.pid === "own" && ctx.initPath !== undefined
      ? { initPath: ctx.initPath }
      : {}),
  });
}

/**
 * runc 1.1.5 follows a link at these places out of the root and deletes and makes files on the host. The init
 * layer replaces such links; this holds even if it did not.
 */
function refuseLinkedMountPoints(root: ContainerRoot): void {
  for (const path of ["/dev", "/proc", "/sys", "/etc"])
    if (root.locate(path, { follow: false }).stat?.isSymbolicLink())
      throw new RuntimeError("invalid", `Cannot start from an image whose ${path} is a symbolic link`);
}

/** Our own group, named after the instance, unless the spec names a parent. */
export function cgroupsPathOf({ layout }: Pick<ContainersContext, "layout">, container: Container): string {
  const { cgroupParent } = container.record.spec;
  const parent =
    cgroupParent === undefined || cgroupParent === "" ? cgroupParentOf(layout.instance) : cgroupParent;
  return join("/", parent, container.id);
}

export function cgroupParentOf(instance: string): string {
  return `/stowage-${instance}`;
}

const RUN_FILE = "run.json";

/** What the next engine needs to adopt this run; beside the monitor's own files, so gone with them. */
export async function writeRun({ layout }: Pick<ContainersContext, "layout">, id: string, run: Run) {
  await writeFileAtomically(join(layout.bundleDir(id), RUN_FILE), JSON.stringify(run), { isDurable: false });
}

const RUN_KEYS = ["pid", "pidStartTicks", "monitorPid", "bootId", "startedAt", "sandbox", "request"];

export function parseRun(text: string): Run | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    const isRun = RUN_KEYS.every((key) => key in value);
    return isRun ? (value as Run) : undefined;
  } catch {
    return undefined;
  }
}

export function runPath({ layout }: Pick<ContainersContext, "layout">, id: string): string {
  return join(layout.bundleDir(id), RUN_FILE);
}
