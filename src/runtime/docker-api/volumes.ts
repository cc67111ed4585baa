import { compact } from "../../lib/compact.ts";
import type { VolumeInfo, VolumeSpec } from "../index.ts";
import { timeFromWire } from "./time.ts";
import type { WireObject } from "./wire-object.ts";

/** Docker marks a volume nobody named with this label, empty. */
const ANONYMOUS_LABEL = "com.docker.volume.anonymous";

export function volumeSpecFromWire(body: WireObject): VolumeSpec {
  return compact<VolumeSpec>({
    name: body.filled("Name"),
    driver: body.filled("Driver"),
    options: body.someRecord("DriverOpts"),
    labels: body.someRecord("Labels"),
  });
}

export function volumeSpecToWire(spec: VolumeSpec): Readonly<Record<string, unknown>> {
  return {
    Name: spec.name ?? "",
    Driver: spec.driver ?? "local",
    DriverOpts: spec.options ?? {},
    Labels: spec.labels ?? {},
  };
}

export function volumeInfoToWire(info: VolumeInfo): Readonly<Record<string, unknown>> {
  const labels = info.isAnonymous ? { [ANONYMOUS_LABEL]: "", ...info.labels } : info.labels;
  return compact<Record<string, unknown>>({
    CreatedAt: info.createdAt.toISOString().replace(/\.\d+Z$/, "Z"),
    Driver: info.driver,
    Labels: Object.keys(labels).length === 0 ? null : labels,
    Mountpoint: info.mountpoint,
    Name: info.name,
    Options: Object.keys(info.options).length === 0 ? null : info.options,
    Scope: "local",
    UsageData: info.usage && { RefCount: info.usage.references, Size: info.usage.sizeBytes },
  });
}

export function volumeInfoFromWire(body: WireObject): VolumeInfo {
  const { [ANONYMOUS_LABEL]: anonymous, ...labels } = body.record("Labels") ?? {};
  const usage = body.object("UsageData");
  return compact<VolumeInfo>({
    name: body.text("Name") ?? "",
    driver: body.text("Driver") ?? "local",
    options: body.record("Options") ?? {},
    labels,
    mountpoint: body.text("Mountpoint") ?? "",
    createdAt: timeFromWire(body.text("CreatedAt")) ?? new Date(0),
    isAnonymous: anonymous !== undefined,
    usage: usage.isEmpty
      ? undefined
      : { sizeBytes: usage.number("Size") ?? -1, references: usage.number("RefCount") ?? -1 },
  });
}
