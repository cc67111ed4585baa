import type { MountSpec } from "../runtime/index.ts";
import { bytesOf, type Mount, type Service, type Stack } from "../spec/index.ts";
import { LABEL } from "./labels.ts";

type Propagation = NonNullable<Extract<MountSpec, { type: "bind" }>["propagation"]>;

const PROPAGATIONS: ReadonlySet<string> = new Set([
  "private",
  "rprivate",
  "shared",
  "rshared",
  "slave",
  "rslave",
]);

/** A service's `volumes` and `tmpfs`. */
export function mountsOf(stack: Stack, service: Service): readonly MountSpec[] {
  const tmpfs = (service.tmpfs ?? []).map(tmpfsOf);
  const volumes = (service.volumes ?? []).flatMap((mount) => mountOf(stack, mount) ?? []);
  return [...volumes, ...tmpfs];
}

/** `/run:size=64m,mode=1777` */
function tmpfsOf(entry: string): MountSpec {
  const at = entry.indexOf(":");
  if (at < 0) return { type: "tmpfs", target: entry };
  const options = entry
    .slice(at + 1)
    .split(",")
    .filter((option) => option !== "");
  return { type: "tmpfs", target: entry.slice(0, at), options };
}

function mountOf(stack: Stack, mount: Mount): MountSpec | undefined {
  const { target } = mount;
  const readOnly = mount.read_only === true ? { readOnly: true } : {};
  switch (mount.type) {
    case "bind": {
      const { propagation, create_host_path, recursive } = mount.bind ?? {};
      return {
        type: "bind",
        source: mount.source ?? "",
        target,
        ...readOnly,
        ...(propagation !== undefined && isPropagation(propagation) && { propagation }),
        createHostPath: create_host_path === true,
        ...(recursive === "disabled" && { nonRecursive: true }),
        ...(recursive === "writable" && { mountedBelow: "as-it-is" as const }),
        ...(recursive === "readonly" && { mountedBelow: "read-only" as const }),
      };
    }
    case "volume": {
      const { nocopy, subpath, labels } = mount.volume ?? {};
      const declared = mount.source === undefined ? undefined : stack.volumes[mount.source];
      const source = declared?.name ?? mount.source;
      const ownLabels = labelsOf(stack, mount);
      return {
        type: "volume",
        ...(source !== undefined && { source }),
        target,
        ...readOnly,
        ...(nocopy === true && { noCopy: true }),
        ...(subpath !== undefined && { subpath }),
        ...((labels !== undefined || ownLabels !== undefined) && { labels: { ...labels, ...ownLabels } }),
      };
    }
    case "tmpfs": {
      const { size, mode } = mount.tmpfs ?? {};
      return {
        type: "tmpfs",
        target,
        ...(size !== undefined && { sizeBytes: bytesOf(size) }),
        ...(mode !== undefined && { mode }),
        ...(mount.read_only === true && { options: ["ro"] }),
      };
    }
    case "image": {
      const subpath = mount.image?.subpath;
      return { type: "image", source: mount.source ?? "", target, ...(subpath !== undefined && { subpath }) };
    }
    default:
      return undefined;
  }
}

/**
 * An engine makes a missing volume when a container is created. Should somebody have taken away a volume of the
 * stack's just then, the one made for it is to be the stack's as well, or `down --volumes` would leave it.
 */
function labelsOf(stack: Stack, { source }: Mount): Readonly<Record<string, string>> | undefined {
  const declared = source === undefined ? undefined : stack.volumes[source];
  if (source === undefined || declared === undefined || declared.external === true) return undefined;
  return { [LABEL.project]: stack.name, [LABEL.volume]: source };
}

function isPropagation(text: string): text is Propagation {
  return PROPAGATIONS.has(text);
}
