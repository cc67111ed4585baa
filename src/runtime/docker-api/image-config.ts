import { compact } from "../../lib/compact.ts";
import type { HealthcheckSpec, ImageDefaults } from "../index.ts";
import type { WireObject } from "./wire-object.ts";

const NS_PER_MS = 1_000_000;

export function healthcheckFromWire(check: WireObject): HealthcheckSpec | undefined {
  if (check.isEmpty) return undefined;
  return compact<HealthcheckSpec>({
    test: check.texts("Test"),
    intervalMs: durationFromWire(check.amount("Interval")),
    timeoutMs: durationFromWire(check.amount("Timeout")),
    startPeriodMs: durationFromWire(check.amount("StartPeriod")),
    startIntervalMs: durationFromWire(check.amount("StartInterval")),
    retries: check.amount("Retries"),
  });
}

function durationFromWire(nanoseconds: number | undefined): number | undefined {
  return nanoseconds === undefined ? undefined : nanoseconds / NS_PER_MS;
}

export function healthcheckToWire(
  check: HealthcheckSpec | undefined,
): Readonly<Record<string, unknown>> | undefined {
  if (check === undefined) return undefined;
  return compact<Record<string, unknown>>({
    Test: check.test,
    Interval: durationToWire(check.intervalMs),
    Timeout: durationToWire(check.timeoutMs),
    StartPeriod: durationToWire(check.startPeriodMs),
    StartInterval: durationToWire(check.startIntervalMs),
    Retries: check.retries || undefined,
  });
}

function durationToWire(milliseconds: number | undefined): number | undefined {
  return milliseconds ? Math.round(milliseconds * NS_PER_MS) : undefined;
}

/** The `Config` of an image. */
export function imageConfigFromWire(config: WireObject): ImageDefaults {
  return compact<ImageDefaults>({
    user: config.filled("User"),
    exposedPorts: someKeys(config, "ExposedPorts"),
    env: config.someTexts("Env"),
    entrypoint: config.someTexts("Entrypoint"),
    cmd: config.someTexts("Cmd"),
    volumes: someKeys(config, "Volumes"),
    workingDir: config.filled("WorkingDir"),
    labels: config.someRecord("Labels"),
    stopSignal: config.filled("StopSignal"),
    shell: config.someTexts("Shell"),
    healthcheck: healthcheckFromWire(config.object("Healthcheck")),
    onBuild: config.someTexts("OnBuild"),
  });
}

export function someKeys(object: WireObject, key: string): readonly string[] | undefined {
  const keys = object.object(key).keys();
  return keys.length === 0 ? undefined : keys;
}

/** A set as Docker writes it: `{"80/tcp":{}}`. */
export function setToWire(
  names: readonly string[] | undefined,
): Readonly<Record<string, object>> | undefined {
  if (names === undefined || names.length === 0) return undefined;
  return Object.fromEntries(names.map((name) => [name, {}]));
}

export function imageConfigToWire(config: ImageDefaults): Readonly<Record<string, unknown>> {
  return compact<Record<string, unknown>>({
    Cmd: config.cmd ?? null,
    Entrypoint: config.entrypoint ?? null,
    Env: config.env ?? null,
    ExposedPorts: setToWire(config.exposedPorts),
    Healthcheck: healthcheckToWire(config.healthcheck),
    Labels: config.labels ?? null,
    OnBuild: config.onBuild ?? null,
    Shell: config.shell,
    StopSignal: config.stopSignal,
    User: config.user ?? "",
    Volumes: setToWire(config.volumes) ?? null,
    WorkingDir: config.workingDir ?? "",
  });
}
