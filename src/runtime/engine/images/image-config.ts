import { compact } from "../../../lib/compact.ts";
import type { HealthcheckSpec, ImageDefaults } from "../../index.ts";
import { RuntimeError } from "../../index.ts";
import { type Digest, isDigest } from "./digest.ts";
import { JsonShape } from "./json-shape.ts";

const NS_PER_MS = 1_000_000;

export interface HistoryEntry {
  readonly created?: string;
  readonly createdBy?: string;
  readonly author?: string;
  readonly comment?: string;
  /** It changed the configuration only. */
  readonly isEmptyLayer: boolean;
}

/** A step of the build that made the image. */
export interface BuildStepRecord {
  /** What the builder knows it by. */
  readonly keys: readonly string[];
  readonly createdAt: string;
  /** Place of the layer it made; absent: it changed no file. */
  readonly layer?: number;
}

/** An OCI image configuration (`application/vnd.oci.image.config.v1+json`, which Docker's is too). */
export interface ImageConfig {
  readonly created?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly os: string;
  readonly defaults: ImageDefaults;
  readonly diffIds: readonly Digest[];
  readonly history: readonly HistoryEntry[];
  /** For other builds to take layers from; only where it was asked for. */
  readonly buildSteps?: readonly BuildStepRecord[];
}

const BUILD_STEPS = "stowage.build-steps.v1";

export function parseImageConfig(text: string): ImageConfig {
  const shape = JsonShape.parse(text, "image configuration");
  const rootfs = shape.object("rootfs");
  const diffIds = rootfs.texts("diff_ids") ?? [];
  const wrong = diffIds.find((diffId) => !isDigest(diffId));
  if (wrong !== undefined)
    throw new RuntimeError(
      "invalid",
      `Cannot read image configuration: ${JSON.stringify(wrong)} is no digest`,
    );
  return compact<ImageConfig>({
    created: shape.text("created"),
    author: shape.text("author") || undefined,
    comment: shape.text("comment") || undefined,
    architecture: shape.text("architecture") ?? "",
    variant: shape.text("variant") || undefined,
    os: shape.text("os") || "linux",
    defaults: defaultsOf(shape.object("config")),
    diffIds,
    history: shape.objects("history").map(historyOf),
    buildSteps: shape.has(BUILD_STEPS) ? shape.objects(BUILD_STEPS).map(buildStepOf) : undefined,
  });
}

function historyOf(shape: JsonShape): HistoryEntry {
  return compact<HistoryEntry>({
    created: shape.text("created"),
    createdBy: shape.text("created_by"),
    author: shape.text("author"),
    comment: shape.text("comment"),
    isEmptyLayer: shape.flag("empty_layer"),
  });
}

function buildStepOf(shape: JsonShape): BuildStepRecord {
  return compact<BuildStepRecord>({
    keys: shape.texts("keys") ?? [],
    createdAt: shape.text("created") ?? "",
    layer: shape.number("layer"),
  });
}

export function defaultsOf(config: JsonShape): ImageDefaults {
  return compact<ImageDefaults>({
    user: config.text("User") || undefined,
    exposedPorts: filled(config.object("ExposedPorts").keys()),
    env: filled(config.texts("Env")),
    entrypoint: filled(config.texts("Entrypoint")),
    cmd: filled(config.texts("Cmd")),
    volumes: filled(config.object("Volumes").keys()),
    workingDir: config.text("WorkingDir") || undefined,
    labels: config.record("Labels"),
    stopSignal: config.text("StopSignal") || undefined,
    shell: filled(config.texts("Shell")),
    healthcheck: config.has("Healthcheck") ? healthcheckOf(config.object("Healthcheck")) : undefined,
    onBuild: filled(config.texts("OnBuild")),
  });
}

function filled(list: readonly string[] | undefined): readonly string[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

function healthcheckOf(shape: JsonShape): HealthcheckSpec {
  const ms = (key: string) => {
    const nanoseconds = shape.number(key);
    return nanoseconds === undefined ? undefined : nanoseconds / NS_PER_MS;
  };
  return compact<HealthcheckSpec>({
    test: shape.texts("Test"),
    intervalMs: ms("Interval"),
    timeoutMs: ms("Timeout"),
    startPeriodMs: ms("StartPeriod"),
    startIntervalMs: ms("StartInterval"),
    retries: shape.number("Retries"),
  });
}

/** Keys in the order of the OCI specification: equal configurations give equal bytes, so equal ids. */
export function printImageConfig(config: ImageConfig): string {
  return JSON.stringify({
    created: config.created,
    author: config.author,
    architecture: config.architecture,
    variant: config.variant,
    os: config.os,
    comment: config.comment,
    config: printDefaults(config.defaults),
    rootfs: { type: "layers", diff_ids: config.diffIds },
    history: config.history.map((entry) => ({
      created: entry.created,
      created_by: entry.createdBy,
      author: entry.author,
      comment: entry.comment,
      ...(entry.isEmptyLayer ? { empty_layer: true } : {}),
    })),
    [BUILD_STEPS]: config.buildSteps?.map(({ keys, createdAt, layer }) => ({
      keys,
      created: createdAt,
      layer,
    })),
  });
}

function printDefaults(defaults: ImageDefaults): Readonly<Record<string, unknown>> {
  return {
    User: defaults.user,
    ExposedPorts: setOf(defaults.exposedPorts),
    Env: defaults.env,
    Entrypoint: defaults.entrypoint,
    Cmd: defaults.cmd,
    Volumes: setOf(defaults.volumes),
    WorkingDir: defaults.workingDir,
    Labels: defaults.labels,
    StopSignal: defaults.stopSignal,
    Shell: defaults.shell,
    Healthcheck: defaults.healthcheck && printHealthcheck(defaults.healthcheck),
    OnBuild: defaults.onBuild,
  };
}

function setOf(names: readonly string[] | undefined): Readonly<Record<string, object>> | undefined {
  return names && Object.fromEntries(names.map((name) => [name, {}]));
}

function printHealthcheck(check: HealthcheckSpec): Readonly<Record<string, unknown>> {
  const ns = (ms: number | undefined) => (ms === undefined ? undefined : Math.round(ms * NS_PER_MS));
  return {
    Test: check.test,
    Interval: ns(check.intervalMs),
    Timeout: ns(check.timeoutMs),
    StartPeriod: ns(check.startPeriodMs),
    StartInterval: ns(check.startIntervalMs),
    Retries: check.retries,
  };
}
