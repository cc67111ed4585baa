import { AsyncQueue } from "../../lib/async-queue.ts";
import type { ExecInfo, ExecSpec, OutputChunk, Session } from "../index.ts";
import { RuntimeError } from "../index.ts";
import { environmentOf, hostnameOf } from "./container-view.ts";
import { SimulatedProcess } from "./process.ts";
import { type ContainerRecord, containerEvent, type ExecRecord, findContainer, type World } from "./world.ts";

export function createExec(world: World, record: ContainerRecord, spec: ExecSpec): ExecRecord {
  if (record.status === "paused")
    throw new RuntimeError("conflict", `Container ${record.id} is paused, unpause the container before exec`);
  if (record.status !== "running")
    throw new RuntimeError("conflict", `Container ${record.id} is not running`);
  if (spec.command.length === 0) throw new RuntimeError("invalid", "No exec command specified");
  const exec: ExecRecord = { id: world.newId(), containerId: record.id, spec, state: "new", pid: 0 };
  world.execs.set(exec.id, exec);
  record.execIds.push(exec.id);
  containerEvent(world, record, `exec_create: ${spec.command.join(" ")}`, { execID: exec.id });
  return exec;
}

export function startExec(world: World, execId: string, isDetached: boolean): Session | undefined {
  const exec = findExec(world, execId);
  if (exec.state !== "new") throw new RuntimeError("conflict", `exec ${execId} has already been started`);
  const record = findContainer(world, exec.containerId);
  if (record.status !== "running")
    throw new RuntimeError("conflict", `Container ${record.id} is not running`);
  const queue = new AsyncQueue<OutputChunk>();
  const { command } = exec.spec;
  containerEvent(world, record, `exec_start: ${command.join(" ")}`, { execID: exec.id });
  const program = world.programFor(command, record.spec, "exec");
  const finish = (code: number) => {
    exec.state = "ended";
    exec.exitCode = code;
    exec.pid = 0;
    containerEvent(world, record, "exec_die", { execID: exec.id, exitCode: String(code) });
    queue.close();
  };
  if (program === undefined) {
    const text = `OCI runtime exec failed: exec: "${command[0]}": executable file not found in $PATH\n`;
    queue.push({ stream: "stdout", data: Buffer.from(text) });
    finish(127);
    return isDetached ? undefined : sessionOf(queue, undefined);
  }
  exec.state = "running";
  exec.pid = world.newPid();
  const child = new SimulatedProcess(program, {
    argv: command,
    env: environmentOf(record, exec.spec.env),
    user: exec.spec.user ?? record.spec.user ?? "",
    workingDir: exec.spec.workingDir ?? record.spec.workingDir ?? (record.image.config.workingDir || "/"),
    hostname: hostnameOf(record),
    files: record.files,
    clock: world.clock,
    isFirst: false,
    output: (stream, data) => queue.push({ stream, data }),
  });
  if (exec.spec.attachStdin !== true) child.stdin.close();
  const endWithContainer = () => child.signal("KILL");
  record.run.signal.addEventListener("abort", endWithContainer, { once: true });
  child.exited.then(finish);
  return isDetached ? undefined : sessionOf(queue, child);
}

function sessionOf(queue: AsyncQueue<OutputChunk>, child: SimulatedProcess | undefined): Session {
  return {
    output: queue,
    write: async (data) => {
      if (child === undefined || child.stdin.isClosed)
        throw new RuntimeError("conflict", "stdin is not open");
      child.stdin.push(data);
    },
    end: async () => child?.stdin.close(),
    resize: async () => undefined,
    close: () => queue.close(),
  };
}

export function inspectExec(world: World, execId: string): ExecInfo {
  const { id, containerId, spec, state, exitCode, pid } = findExec(world, execId);
  return {
    id,
    containerId,
    spec,
    isRunning: state === "running",
    pid,
    ...(exitCode === undefined ? {} : { exitCode }),
  };
}

function findExec(world: World, execId: string): ExecRecord {
  const exec = world.execs.get(execId);
  if (exec === undefined) throw new RuntimeError("not-found", `No such exec instance: ${execId}`);
  return exec;
}
