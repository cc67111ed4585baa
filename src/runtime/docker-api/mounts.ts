import { compact } from "../../lib/compact.ts";
import { isBareVolume, type MountPoint, type MountSpec, RuntimeError } from "../index.ts";
import type { WireObject } from "./wire-object.ts";

type Bind = Extract<MountSpec, { type: "bind" }>;
type Volume = Extract<MountSpec, { type: "volume" }>;
type Tmpfs = Extract<MountSpec, { type: "tmpfs" }>;

const PROPAGATIONS = ["private", "rprivate", "shared", "rshared", "slave", "rslave"] as const;

/**
 * Docker has four places for mounts; each leaves its mark in the port's, so that it goes back to where it was:
 * `Binds` (`createHostPath` absent, `noCopy` absent), `Mounts` (`createHostPath` and `noCopy` said),
 * `Tmpfs` (`options` without size and mode fields) and the configuration's `Volumes` (anonymous, nothing else said).
 */
export function mountsFromWire(config: WireObject, host: WireObject): readonly MountSpec[] {
  const driver = host.filled("VolumeDriver");
  return [
    ...(host.texts("Binds") ?? []).map((bind) => bindFromText(bind, driver)),
    ...host.objects("Mounts").map(mountFromWire),
    ...Object.entries(host.record("Tmpfs") ?? {}).map(([target, options]) => ({
      type: "tmpfs" as const,
      target,
      options: options === "" ? [] : options.split(","),
    })),
    ...config
      .object("Volumes")
      .keys()
      .map((target) => ({ type: "volume" as const, target })),
  ];
}

/** `source:target[:options]`; a source that is no path is a volume's name. */
function bindFromText(text: string, driver: string | undefined): MountSpec {
  const parts = text.split(":");
  const [source, target] = parts;
  if (parts.length > 3) throw invalidBind(text);
  if (target === undefined) {
    if (text.startsWith("/")) return { type: "volume", target: text };
    throw invalidBind(text, `invalid mount config for type "volume": `);
  }
  if (source === "" || source === undefined || !target.startsWith("/"))
    throw invalidBind(
      text,
      `invalid mount config for type "${source?.startsWith("/") ? "bind" : "volume"}": `,
    );
  if (/^\/+$/.test(target)) throw invalidBind(text, "destination can't be '/': ");
  const modes = (parts[2] ?? "").split(",").filter((mode) => mode !== "");
  checkModes(parts[2] ?? "", modes);
  const readOnly = modes.includes("ro") ? true : undefined;
  const isVolume = !source.startsWith("/");
  if (isVolume ? modes.some(isPropagation) : modes.includes("nocopy"))
    throw new RuntimeError(
      "invalid",
      isVolume
        ? `invalid volume specification: '${text}': invalid mount config for type "volume": field BindOptions must not be specified`
        : `invalid volume specification: '${text}': invalid mount config for type "bind": field VolumeOptions must not be specified`,
    );
  if (isVolume)
    return compact<Volume>({
      type: "volume",
      source,
      target,
      readOnly,
      noCopy: modes.includes("nocopy") ? true : undefined,
      driver,
    });
  return compact<Bind>({ type: "bind", source, target, readOnly, propagation: modes.find(isPropagation) });
}

/** Of each kind no more than one may be said. */
const MODE_KINDS: readonly (readonly string[])[] = [
  ["ro", "rw"],
  ["z", "Z"],
  ["nocopy"],
  ["consistent", "cached", "delegated"],
  PROPAGATIONS,
];

function checkModes(text: string, modes: readonly string[]): void {
  const kinds = modes.map((mode) => MODE_KINDS.findIndex((kind) => kind.includes(mode)));
  if (kinds.includes(-1) || new Set(kinds).size < kinds.length)
    throw new RuntimeError("invalid", `invalid mode: ${text}`);
}

function invalidBind(text: string, detail = ""): RuntimeError {
  const target = text.split(":")[1] ?? text;
  const reason = detail.startsWith("invalid mount config")
    ? `${detail}invalid mount path: '${target}' mount path must be absolute`
    : `${detail}invalid spec`;
  return new RuntimeError("invalid", `invalid volume specification: '${text}': ${reason}`);
}

function mountFromWire(mount: WireObject): MountSpec {
  const type = mount.text("Type");
  const target = mount.filled("Target");
  if (target === undefined) throw invalidMount(type, "field Target must not be empty");
  const source = mount.filled("Source");
  const readOnly = mount.isSet("ReadOnly");
  switch (type) {
    case "bind": {
      if (source === undefined) throw invalidMount(type, "field Source must not be empty");
      const options = mount.object("BindOptions");
      return compact<Bind>({
        type,
        source,
        target,
        readOnly,
        propagation: propagationOf(options.filled("Propagation")),
        createHostPath: options.flag("CreateMountpoint") ?? false,
        nonRecursive: options.isSet("NonRecursive"),
        mountedBelow: mountedBelow(options),
      });
    }
    case "volume": {
      const options = mount.object("VolumeOptions");
      return compact<Volume>({
        type,
        source,
        target,
        readOnly,
        noCopy: options.flag("NoCopy") ?? false,
        subpath: options.filled("Subpath"),
        driver: options.object("DriverConfig").filled("Name"),
        driverOptions: options.object("DriverConfig").someRecord("Options"),
        labels: options.someRecord("Labels"),
      });
    }
    case "tmpfs": {
      if (source !== undefined) throw invalidMount(type, "field Source must not be specified");
      const options = mount.object("TmpfsOptions");
      return compact<Tmpfs>({
        type,
        target,
        readOnly,
        sizeBytes: options.amount("SizeBytes"),
        mode: options.amount("Mode"),
        options: tmpfsOptionsFromWire(options.raw("Options")),
      });
    }
    case "image":
      if (source === undefined) throw invalidMount(type, "field Source must not be empty");
      return compact<Extract<MountSpec, { type: "image" }>>({
        type,
        source,
        target,
        subpath: mount.object("ImageOptions").filled("Subpath"),
      });
    default:
      throw new RuntimeError("invalid", `mount type unknown: "${type ?? ""}"`);
  }
}

function mountedBelow(options: WireObject): Bind["mountedBelow"] {
  if (options.isSet("ReadOnlyForceRecursive")) {
    if (options.isSet("ReadOnlyNonRecursive"))
      throw invalidMount("bind", "ReadOnlyForceRecursive and ReadOnlyNonRecursive exclude each other");
    return "read-only";
  }
  return options.isSet("ReadOnlyNonRecursive") ? "as-it-is" : undefined;
}

function invalidMount(type: string | undefined, reason: string): RuntimeError {
  return new RuntimeError("invalid", `invalid mount config for type "${type ?? ""}": ${reason}`);
}

function isPropagation(text: string): text is (typeof PROPAGATIONS)[number] {
  return PROPAGATIONS.some((propagation) => propagation === text);
}

function propagationOf(text: string | undefined): (typeof PROPAGATIONS)[number] | undefined {
  if (text === undefined || isPropagation(text)) return text;
  throw invalidMount("bind", `invalid propagation mode: ${text}`);
}

/** `[["uid","1000"],["noexec"]]`, since API 1.46. */
function tmpfsOptionsFromWire(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.map((pair) => (Array.isArray(pair) ? pair.map(String).join("=") : String(pair)));
}

export interface WireMounts {
  readonly binds: readonly string[];
  readonly mounts: readonly Readonly<Record<string, unknown>>[];
  readonly tmpfs: Readonly<Record<string, string>>;
  readonly volumes: Readonly<Record<string, object>>;
}

/** `volumeDriver`: the container's, which goes without saying in `Binds`. */
export function mountsToWire(
  specs: readonly MountSpec[] | undefined,
  volumeDriver: string | undefined,
): WireMounts {
  const binds: string[] = [];
  const mounts: Readonly<Record<string, unknown>>[] = [];
  const tmpfs: [string, string][] = [];
  const volumes: [string, object][] = [];
  for (const spec of specs ?? []) {
    if (isPlainTmpfs(spec)) tmpfs.push([spec.target, (spec.options ?? []).join(",")]);
    else if (isBareVolume(spec)) volumes.push([spec.target, {}]);
    else if (isBindText(spec, volumeDriver)) binds.push(bindToText(spec));
    else mounts.push(mountToWire(spec));
  }
  return { binds, mounts, tmpfs: Object.fromEntries(tmpfs), volumes: Object.fromEntries(volumes) };
}

function isPlainTmpfs(spec: MountSpec): spec is Tmpfs {
  return (
    spec.type === "tmpfs" &&
    spec.options !== undefined &&
    spec.readOnly === undefined &&
    spec.sizeBytes === undefined &&
    spec.mode === undefined
  );
}

function isBindText(
  spec: MountSpec,
  volumeDriver: string | undefined,
): spec is Bind | (Volume & { readonly source: string }) {
  if (spec.target.includes(":")) return false;
  if (spec.type === "bind")
    return (
      spec.createHostPath !== false &&
      spec.nonRecursive !== true &&
      spec.mountedBelow === undefined &&
      !spec.source.includes(":")
    );
  return (
    spec.type === "volume" &&
    spec.source !== undefined &&
    spec.noCopy !== false &&
    spec.subpath === undefined &&
    (spec.driver === undefined || spec.driver === volumeDriver) &&
    spec.driverOptions === undefined &&
    spec.labels === undefined
  );
}

function bindToText(spec: Bind | Volume): string {
  const modes = [
    spec.readOnly === true ? "ro" : undefined,
    spec.type === "volume" && spec.noCopy === true ? "nocopy" : undefined,
    spec.type === "bind" ? spec.propagation : undefined,
  ].filter((mode) => mode !== undefined);
  return [spec.source, spec.target, ...(modes.length > 0 ? [modes.join(",")] : [])].join(":");
}

function mountToWire(spec: MountSpec): Readonly<Record<string, unknown>> {
  switch (spec.type) {
    case "bind":
      return compact<Record<string, unknown>>({
        Type: "bind",
        Source: spec.source,
        Target: spec.target,
        ReadOnly: spec.readOnly,
        BindOptions: compact<Record<string, unknown>>({
          Propagation: spec.propagation,
          CreateMountpoint: spec.createHostPath === false ? undefined : true,
          NonRecursive: spec.nonRecursive,
          ReadOnlyNonRecursive: spec.mountedBelow === "as-it-is" ? true : undefined,
          ReadOnlyForceRecursive: spec.mountedBelow === "read-only" ? true : undefined,
        }),
      });
    case "volume":
      return compact<Record<string, unknown>>({
        Type: "volume",
        Source: spec.source,
        Target: spec.target,
        ReadOnly: spec.readOnly,
        VolumeOptions: filledOnly({
          NoCopy: spec.noCopy === true ? true : undefined,
          Subpath: spec.subpath,
          Labels: spec.labels,
          DriverConfig: filledOnly({ Name: spec.driver, Options: spec.driverOptions }),
        }),
      });
    case "tmpfs":
      return compact<Record<string, unknown>>({
        Type: "tmpfs",
        Target: spec.target,
        ReadOnly: spec.readOnly,
        TmpfsOptions: filledOnly({
          SizeBytes: spec.sizeBytes,
          Mode: spec.mode,
          Options: spec.options?.map((option) => splitOption(option)),
        }),
      });
    case "image":
      return compact<Record<string, unknown>>({
        Type: "image",
        Source: spec.source,
        Target: spec.target,
        ImageOptions: filledOnly({ Subpath: spec.subpath }),
      });
  }
}

function splitOption(option: string): string[] {
  const at = option.indexOf("=");
  return at < 0 ? [option] : [option.slice(0, at), option.slice(at + 1)];
}

function filledOnly(value: Record<string, unknown>): Record<string, unknown> | undefined {
  const filled = compact<Record<string, unknown>>(value);
  return Object.keys(filled).length === 0 ? undefined : filled;
}

export function mountPointToWire(point: MountPoint): Readonly<Record<string, unknown>> {
  return compact<Record<string, unknown>>({
    Type: point.type,
    Name: point.name,
    Source: point.source,
    Destination: point.target,
    Driver: point.driver,
    Mode: point.mode,
    RW: point.isReadWrite,
    Propagation: point.propagation,
  });
}

export function mountPointFromWire(point: WireObject): MountPoint {
  const type = point.text("Type");
  return compact<MountPoint>({
    type: type === "volume" || type === "tmpfs" || type === "image" ? type : "bind",
    name: point.filled("Name"),
    source: point.text("Source") ?? "",
    target: point.text("Destination") ?? "",
    driver: point.filled("Driver"),
    mode: point.text("Mode") ?? "",
    isReadWrite: point.flag("RW") ?? true,
    propagation: point.text("Propagation") ?? "",
  });
}
