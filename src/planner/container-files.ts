import type { MountSpec } from "../runtime/index.ts";
import type { FileObject, FileReference, Service, Stack } from "../spec/index.ts";
import type { Hazard, InjectedFile, PlanProblem } from "./plan.ts";

export interface ContainerFiles {
  /** `file` sources as they are: read-only binds. */
  readonly mounts: readonly MountSpec[];
  /** `content` and `environment` sources, and files with an owner or mode of their own: written before the start. */
  readonly injected: readonly InjectedFile[];
  readonly problems: readonly PlanProblem[];
  readonly hazards: readonly Hazard[];
}

interface FilesContext {
  readonly stack: Stack;
  readonly serviceName: string;
  readonly service: Service;
}

/** A service's use of a config or secret. */
interface Use {
  readonly kind: "config" | "secret";
  readonly reference: FileReference;
  readonly object: FileObject;
  readonly path: string;
  readonly target: string;
}

const DEFAULT_MODE = 0o444;

/** A service's configs and secrets, beside what else is mounted. */
export function filesOf(context: FilesContext, others: readonly MountSpec[]): ContainerFiles {
  const { stack, serviceName, service } = context;
  const mounts: MountSpec[] = [];
  const injected: InjectedFile[] = [];
  const problems: PlanProblem[] = [];
  const hazards: Hazard[] = [];
  for (const kind of ["config", "secret"] as const) {
    const objects = kind === "config" ? stack.configs : stack.secrets;
    const references = (kind === "config" ? service.configs : service.secrets) ?? [];
    references.forEach((reference, index) => {
      const path = `services.${serviceName}.${kind}s[${index}]`;
      const source = reference.source ?? "";
      const object = objects[source];
      if (object === undefined) {
        problems.push({ kind: "invalid", path, message: `${kind} "${source}" is not declared` });
        return;
      }
      // Refused as a whole, where it is declared (support.ts).
      if (object.external === true || object.driver !== undefined) return;
      problems.push(...invalidOwner(reference, path));
      const use: Use = { kind, reference, object, path, target: targetOf(kind, reference) };
      const owned = ownedKeys(reference);
      if (object.file === undefined) {
        injected.push(injectedOf(use));
        problems.push(...cannotWrite(use, service, others));
        return;
      }
      const obstacle = owned.length === 0 ? undefined : whyNotCopied(use, service, others);
      if (owned.length > 0 && obstacle === undefined) injected.push(injectedOf(use));
      else mounts.push(bindOf(object.file, use.target));
      if (obstacle !== undefined) hazards.push(ownerIgnored(use, owned, obstacle));
    });
  }
  return { mounts, injected, problems, hazards };
}

function targetOf(kind: "config" | "secret", reference: FileReference): string {
  const target = reference.target ?? reference.source ?? "";
  if (target.startsWith("/")) return target;
  return kind === "secret" ? `/run/secrets/${target}` : `/${target}`;
}

function invalidOwner(reference: FileReference, path: string): readonly PlanProblem[] {
  return (["uid", "gid"] as const).flatMap((key) => {
    const value = reference[key];
    if (value === undefined || /^\d{1,9}$/.test(value)) return [];
    const message = `"${value}" is no ${key}: give its number, names differ between images`;
    return [{ kind: "invalid" as const, path: `${path}.${key}`, message }];
  });
}

function ownedKeys(reference: FileReference): readonly string[] {
  return (["uid", "gid", "mode"] as const).filter((key) => reference[key] !== undefined);
}

function injectedOf({ kind, reference, target }: Use): InjectedFile {
  return {
    kind,
    source: reference.source ?? "",
    target,
    uid: Number(reference.uid ?? 0),
    gid: Number(reference.gid ?? 0),
    mode: reference.mode === undefined ? DEFAULT_MODE : Number.parseInt(reference.mode, 8),
  };
}

function cannotWrite(
  { kind, object, path, target }: Use,
  service: Service,
  others: readonly MountSpec[],
): readonly PlanProblem[] {
  const problem = (how: PlanProblem["kind"], message: string) => [
    { kind: how, path, message: `${kind} "${object.name}" ${message}` },
  ];
  if (object.content === undefined)
    return problem(
      "invalid",
      `has no content: environment variable "${object.environment ?? ""}" is not set`,
    );
  if (service.read_only === true)
    return problem(
      "unsupported",
      "cannot be written into a read-only container; use a file, or drop read_only",
    );
  const over = mountOver(target, others);
  if (over?.type === "tmpfs")
    return problem("unsupported", `would be hidden by the tmpfs at ${over.target}; use a file`);
  return [];
}

/** A file with an owner or mode of its own is a copy, which must not land in a volume or on the host. */
function whyNotCopied(
  { object, target }: Use,
  service: Service,
  others: readonly MountSpec[],
): string | undefined {
  if (object.fileContent === undefined) return "it is no file of at most 1 MiB";
  if (service.read_only === true) return "nothing can be written into a read-only container";
  const over = mountOver(target, others);
  return over === undefined ? undefined : `something is mounted at ${over.target}`;
}

function mountOver(target: string, others: readonly MountSpec[]): MountSpec | undefined {
  return others.find((mount) => `${target}/`.startsWith(`${mount.target.replace(/\/+$/, "")}/`));
}

function bindOf(source: string, target: string): MountSpec {
  return { type: "bind", source, target, readOnly: true, createHostPath: false };
}

function ownerIgnored({ kind, reference, path }: Use, keys: readonly string[], obstacle: string): Hazard {
  const have = keys.length === 1 ? "has" : "have";
  return {
    kind: "no-effect",
    path,
    message: `${path}: ${kind} "${reference.source}" is mounted with its file's own owner and mode, as ${obstacle}: ${keys.join(", ")} ${have} no effect`,
  };
}
