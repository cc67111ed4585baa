import { compact } from "../../lib/compact.ts";
import type { ExecInfo, ExecSpec } from "../index.ts";
import type { WireObject } from "./wire-object.ts";

/** The body of `POST /containers/{id}/exec`. */
export function execSpecFromWire(body: WireObject): ExecSpec {
  return compact<ExecSpec>({
    command: body.texts("Cmd") ?? [],
    env: body.someTexts("Env"),
    user: body.filled("User"),
    workingDir: body.filled("WorkingDir"),
    tty: body.isSet("Tty"),
    attachStdin: body.isSet("AttachStdin"),
    attachStdout: body.isSet("AttachStdout"),
    attachStderr: body.isSet("AttachStderr"),
    privileged: body.isSet("Privileged"),
    detachKeys: body.filled("DetachKeys"),
    consoleSize: consoleSizeFromWire(body),
  });
}

/** `[height, width]`, absent when zero. */
export function consoleSizeFromWire(body: WireObject): ExecSpec["consoleSize"] {
  const [rows, columns] = body.numbers("ConsoleSize") ?? [];
  return rows && columns ? { rows, columns } : undefined;
}

export function execSpecToWire(spec: ExecSpec): Readonly<Record<string, unknown>> {
  return compact<Record<string, unknown>>({
    User: spec.user ?? "",
    Privileged: spec.privileged ?? false,
    Tty: spec.tty ?? false,
    ConsoleSize: spec.consoleSize && [spec.consoleSize.rows, spec.consoleSize.columns],
    AttachStdin: spec.attachStdin ?? false,
    AttachStderr: spec.attachStderr ?? false,
    AttachStdout: spec.attachStdout ?? false,
    DetachKeys: spec.detachKeys ?? "",
    Env: spec.env ?? null,
    WorkingDir: spec.workingDir ?? "",
    Cmd: spec.command,
  });
}

export function execInfoToWire(info: ExecInfo): Readonly<Record<string, unknown>> {
  const { spec } = info;
  return {
    ID: info.id,
    Running: info.isRunning,
    ExitCode: info.exitCode ?? null,
    ProcessConfig: compact<Record<string, unknown>>({
      tty: spec.tty ?? false,
      entrypoint: spec.command[0] ?? "",
      arguments: spec.command.slice(1),
      privileged: spec.privileged ?? false,
      user: spec.user,
      workingDir: spec.workingDir,
    }),
    OpenStdin: spec.attachStdin ?? false,
    OpenStderr: spec.attachStderr ?? false,
    OpenStdout: spec.attachStdout ?? false,
    CanRemove: info.exitCode !== undefined,
    ContainerID: info.containerId,
    DetachKeys: spec.detachKeys ?? "",
    Pid: info.pid,
  };
}

export function execInfoFromWire(body: WireObject): ExecInfo {
  const process = body.object("ProcessConfig");
  return compact<ExecInfo>({
    id: body.text("ID") ?? "",
    containerId: body.text("ContainerID") ?? "",
    spec: compact<ExecSpec>({
      command: [process.text("entrypoint") ?? "", ...(process.texts("arguments") ?? [])],
      user: process.filled("user"),
      workingDir: process.filled("workingDir"),
      tty: process.isSet("tty"),
      privileged: process.isSet("privileged"),
      attachStdin: body.isSet("OpenStdin"),
      attachStdout: body.isSet("OpenStdout"),
      attachStderr: body.isSet("OpenStderr"),
      detachKeys: body.filled("DetachKeys"),
    }),
    isRunning: body.flag("Running") ?? false,
    exitCode: body.number("ExitCode"),
    pid: body.number("Pid") ?? 0,
  });
}
