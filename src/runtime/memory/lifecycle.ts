import type { PortBinding, PublishedPort } from "../index.ts";
import { RuntimeError } from "../index.ts";
import { argvOf, environmentOf, hostnameOf } from "./container-view.ts";
import { probe } from "./probe.ts";
import { SimulatedProcess, signalName, signalNumber } from "./process.ts";
import { dropContainer } from "./remove-container.ts";
import { type ContainerRecord, containerEvent, findContainer, networkEvent, type World } from "./world.ts";

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 60_000;
const CALM_MS = 10_000;

/** False when it was running already. */
export function startContainer(world: World, record: ContainerRecord): boolean {
  if (record.status === "running") return false;
  if (record.status === "paused")
    throw new RuntimeError("conflict", "cannot start a paused container, try unpause instead");
  if (record.status === "removing" || record.status === "dead")
    throw new RuntimeError("conflict", "container is marked for removal and cannot be started");
  record.run.abort();
  record.restartCount = 0;
  record.backoffMs = FIRST_BACKOFF_MS;
  record.wasStoppedManually = false;
  launch(world, record);
  return true;
}

function launch(world: World, record: ContainerRecord): void {
  const argv = argvOf(record);
  const program = world.programFor(argv, record.spec, "main");
  try {
    checkJoined(world, record);
    record.ports = publish(world, record);
    if (program === undefined)
      throw new RuntimeError("invalid", `exec: "${argv[0] ?? ""}": executable file not found in $PATH`, {
        exitCode: 127,
      });
  } catch (error) {
    record.ports = [];
    record.error = error instanceof Error ? error.message : String(error);
    record.exitCode = error instanceof RuntimeError ? (error.exitCode ?? 128) : 128;
    if (record.startedAtMs !== undefined) record.status = "exited";
    throw error;
  }
  record.run = new AbortController();
  record.status = "running";
  record.pid = world.newPid();
  record.exitCode = 0;
  record.error = "";
  record.startedAtMs = world.clock.now();
  delete record.finishedAtMs;
  joinNetworks(world, record);
  const isFirst = record.spec.init !== true && record.spec.pidMode !== "host";
  const child = new SimulatedProcess(program, {
    argv,
    env: environmentOf(record),
    user: record.spec.user ?? record.image.config.user ?? "",
    workingDir: record.spec.workingDir ?? (record.image.config.workingDir || "/"),
    hostname: hostnameOf(record),
    files: record.files,
    clock: world.clock,
    isFirst,
    output: (stream, data) => {
      const nowNs = BigInt(Math.floor(world.clock.now() * 1000)) * 1000n;
      const lastNs = record.log.at(-1)?.timeNs ?? 0n;
      // The clock is coarse: what came one after the other has times that say so.
      const timeNs = nowNs > lastNs ? nowNs : lastNs + 1n;
      record.log.push({ stream, timeNs, data });
      for (const listener of record.listeners) listener.output(stream, data);
    },
  });
  record.process = child;
  if (record.spec.openStdin !== true) child.stdin.close();
  for (const data of record.earlyInput ?? []) {
    if (data === undefined) child.stdin.close();
    else child.stdin.push(data);
  }
  delete record.earlyInput;
  containerEvent(world, record, "start");
  probe(world, record);
  child.exited.then((code) => {
    if (record.process === child) ended(world, record, code);
  });
}

function ended(world: World, record: ContainerRecord, code: number): void {
  const nowMs = world.clock.now();
  const ranMs = nowMs - (record.startedAtMs ?? nowMs);
  delete record.process;
  record.run.abort();
  record.pid = 0;
  record.exitCode = code;
  record.finishedAtMs = nowMs;
  record.ports = [];
  if (record.health !== undefined) record.health = { ...record.health, status: "unhealthy" };
  leaveNetworks(world, record);
  const isAgain = shouldRestart(record, code);
  record.status = isAgain ? "restarting" : "exited";
  containerEvent(world, record, "die", {
    exitCode: String(code),
    execDuration: String(Math.floor(ranMs / 1000)),
  });
  for (const listener of [...record.listeners]) listener.end();
  for (const waiter of [...record.waiters]) waiter.exited(code);
  if (isAgain) restartLater(world, record, ranMs);
  else if (record.spec.autoRemove === true) dropContainer(world, record, true);
}

function shouldRestart(record: ContainerRecord, code: number): boolean {
  const policy = record.spec.restartPolicy ?? { name: "no" };
  if (record.wasStoppedManually || policy.name === "no") return false;
  if (policy.name !== "on-failure") return true;
  return code !== 0 && (policy.maximumRetryCount === 0 || record.restartCount < policy.maximumRetryCount);
}

function restartLater(world: World, record: ContainerRecord, ranMs: number): void {
  if (ranMs >= CALM_MS) record.backoffMs = FIRST_BACKOFF_MS;
  const waitMs = record.backoffMs;
  record.backoffMs = Math.min(record.backoffMs * 2, LONGEST_BACKOFF_MS);
  record.run = new AbortController();
  world.clock.sleep(waitMs, record.run.signal).then(
    () => {
      record.restartCount += 1;
      try {
        launch(world, record);
      } catch {
        record.status = "exited";
      }
    },
    () => undefined,
  );
}

/** Stop signal, grace, SIGKILL. False when it did not run. */
export async function stopContainer(
  world: World,
  record: ContainerRecord,
  options: { readonly timeoutSeconds?: number; readonly signal?: string } = {},
): Promise<boolean> {
  if (record.status === "restarting") {
    record.run.abort();
    record.wasStoppedManually = true;
    record.status = "exited";
    containerEvent(world, record, "stop");
    return true;
  }
  const { process } = record;
  if (process === undefined) return false;
  const name = signalName(
    options.signal ?? record.spec.stopSignal ?? record.image.config.stopSignal ?? "TERM",
  );
  const seconds = options.timeoutSeconds ?? record.spec.stopTimeoutSeconds ?? 10;
  record.wasStoppedManually = true;
  sendSignal(world, record, name ?? "TERM");
  record.status = "running";
  const grace = new AbortController();
  const isOver = await Promise.race([
    process.exited.then(() => true),
    seconds < 0
      ? new Promise<boolean>(() => undefined)
      : world.clock.sleep(seconds * 1000, grace.signal).then(
          () => false,
          () => true,
        ),
  ]);
  grace.abort();
  if (!isOver) {
    sendSignal(world, record, "KILL");
    await process.exited;
  }
  await Promise.resolve();
  containerEvent(world, record, "stop");
  return true;
}

export function killContainer(world: World, record: ContainerRecord, signal: string): void {
  const name = signalName(signal);
  if (name === undefined) throw new RuntimeError("invalid", `Invalid signal: ${signal}`);
  if (record.process === undefined)
    throw new RuntimeError(
      "conflict",
      `Cannot kill container: ${record.name}: Container ${record.id} is not running`,
    );
  const stopSignal = signalName(record.spec.stopSignal ?? record.image.config.stopSignal ?? "TERM");
  if (name === "KILL" || name === stopSignal) record.wasStoppedManually = true;
  sendSignal(world, record, name);
}

function sendSignal(world: World, record: ContainerRecord, name: string): void {
  containerEvent(world, record, "kill", { signal: String(signalNumber(name)) });
  record.process?.signal(name);
}

function checkJoined(world: World, record: ContainerRecord): void {
  const mode = record.spec.networkMode ?? "";
  if (!mode.startsWith("container:")) return;
  const other = findContainer(world, mode.slice("container:".length));
  if (other.status !== "running")
    throw new RuntimeError("conflict", `cannot join network of a non running container: ${other.id}`);
}

function joinNetworks(world: World, record: ContainerRecord): void {
  for (const endpoint of record.endpoints.values()) {
    const network = world.networks.get(endpoint.networkId);
    if (network === undefined) continue;
    joinNetwork(world, record, endpoint.networkId);
    networkEvent(world, network, "connect", { container: record.id });
  }
}

export function joinNetwork(world: World, record: ContainerRecord, networkId: string): void {
  const endpoint = record.endpoints.get(networkId);
  const network = world.networks.get(networkId);
  if (endpoint === undefined || network === undefined) return;
  const number = network.nextHost;
  network.nextHost += 1;
  const tail = `${Math.floor(number / 256) % 256}.${number % 256}`;
  const hasAddress = network.info.driver === "bridge";
  endpoint.live = {
    endpointId: world.newId(),
    ...(hasAddress
      ? {
          ipAddress: endpoint.spec.ipv4Address ?? `${network.prefix}.${tail}`,
          ipPrefixLength: 16,
          gateway: `${network.prefix}.0.1`,
          macAddress: endpoint.spec.macAddress ?? `02:42:00:00:${hex(number >> 8)}:${hex(number)}`,
        }
      : {}),
  };
}

function hex(number: number): string {
  return (number % 256).toString(16).padStart(2, "0");
}

function leaveNetworks(world: World, record: ContainerRecord): void {
  for (const endpoint of record.endpoints.values()) {
    delete endpoint.live;
    const network = world.networks.get(endpoint.networkId);
    if (network !== undefined) networkEvent(world, network, "disconnect", { container: record.id });
  }
}

function publish(world: World, record: ContainerRecord): readonly PublishedPort[] {
  const mode = record.spec.networkMode ?? "bridge";
  if (mode === "host" || mode === "none" || mode.startsWith("container:")) return [];
  const found: PublishedPort[] = [];
  for (const binding of record.spec.ports ?? []) {
    const hostPort = choosePort(world, binding, found);
    const { containerPort, protocol, hostIp = "0.0.0.0" } = binding;
    found.push({ containerPort, protocol, hostIp, hostPort });
  }
  return found;
}

function choosePort(world: World, binding: PortBinding, more: readonly PublishedPort[]): number {
  const { hostPort = { first: 32768, last: 60999 }, protocol } = binding;
  const range = typeof hostPort === "number" ? { first: hostPort, last: hostPort } : hostPort;
  const used = [...world.containers.values()].flatMap((other) => other.ports).concat(more);
  for (let port = range.first; port <= range.last; port += 1) {
    const isUsed = used.some(
      (other) =>
        other.hostPort === port &&
        other.protocol === protocol &&
        overlaps(other.hostIp ?? "0.0.0.0", binding.hostIp ?? "0.0.0.0"),
    );
    if (!isUsed && !world.takenPorts.has(`${protocol}/${port}`)) return port;
  }
  const address = `${binding.hostIp ?? "0.0.0.0"}:${range.first}`;
  throw new RuntimeError("exhausted", `Bind for ${address} failed: port is already allocated`);
}

function overlaps(a: string, b: string): boolean {
  return a === b || a === "0.0.0.0" || b === "0.0.0.0" || a === "" || b === "";
}
