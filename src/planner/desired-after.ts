import type { Stack } from "../spec/index.ts";
import type { Desired, DesiredService } from "./desired.ts";
import type { Observed } from "./observed.ts";
import type { Plan } from "./plan.ts";
import { isOneOff, serviceOf } from "./planning.ts";
import { type Request, recreatePolicies, type UpOptions } from "./requests.ts";
import { scopeOf } from "./scope.ts";

export interface AskContext {
  /** What was desired before, if the stack was known. */
  readonly previous?: Desired;
  /** As loaded now; absent when the command had no file at hand. */
  readonly stack?: Stack;
}

/** Signals that end a program: after one of them the service is meant to be down. */
const ENDING = /^(SIG)?(KILL|TERM|INT|QUIT|9|15|2|3)$/i;

/**
 * What is desired once `request` is made. Undefined when nothing is known of the stack, neither from before nor
 * from a file. Only `up` takes a new declaration over, and only for the services it is about.
 */
export function desiredAfter(request: Request, context: AskContext): Desired | undefined {
  const { previous } = context;
  if (request.do === "up")
    return context.stack === undefined && previous === undefined ? undefined : afterUp(request, context);
  const stack = previous?.stack ?? context.stack;
  if (stack === undefined) return undefined;
  const base: Desired = { stack, services: previous?.services ?? {} };
  switch (request.do) {
    case "down":
      return afterDown(base, request, context.stack);
    case "stop":
      return withState(base, request.services, "stopped");
    case "kill":
      return ENDING.test(request.signal ?? "KILL") ? withState(base, request.services, "stopped") : base;
    case "pause":
      return withState(base, request.services, "paused", "running");
    case "unpause":
      return withState(base, request.services, "running", "paused");
    case "restart":
      return withState(base, request.services, "running");
    case "start": {
      const { ordered } = scopeOf(stack, request);
      return withState(base, ordered, "running");
    }
    case "rm":
      return without(
        base,
        (name, { state }) =>
          isChosen(request.services, name) && (request.stop === true || state === "stopped"),
      );
    default:
      return base;
  }
}

function afterUp(request: UpOptions, { previous, stack: loaded }: AskContext): Desired {
  const stack = mergedStack(request, { previous, loaded });
  const { ordered, explicit } = scopeOf(stack, request);
  const policies = recreatePolicies(request);
  const services: Record<string, DesiredService> = {};
  for (const [name, service] of Object.entries(previous?.services ?? {}))
    if (name in stack.services) services[name] = service;
  for (const name of ordered) {
    if (request.prepare?.includes(name) === true) continue;
    const replicas = request.scale?.[name];
    const before = services[name];
    const state = request.noStart === true ? (before?.state ?? "stopped") : "running";
    const policy = explicit.has(name) ? policies.chosen : policies.dependencies;
    services[name] = {
      state,
      ...(replicas !== undefined && { replicas }),
      ...(policy === "never" && { keepsDiverged: true }),
    };
  }
  return { stack, services };
}

/** The new declaration for the services that `up` is about; the others stay as they were taken over. */
function mergedStack(
  request: UpOptions,
  known: { readonly previous: Desired | undefined; readonly loaded: Stack | undefined },
): Stack {
  const { previous, loaded } = known;
  const stack = loaded ?? (previous as Desired).stack;
  if (previous === undefined || loaded === undefined || (request.services ?? []).length === 0) return stack;
  const chosen = new Set(scopeOf(stack, request).ordered);
  for (const name of request.prepare ?? []) chosen.delete(name);
  const isOrphan = (name: string) => !(name in loaded.services) && !(name in loaded.disabled);
  const others = Object.entries(previous.stack.services).filter(
    ([name]) =>
      !chosen.has(name) && name in previous.services && !(request.removeOrphans === true && isOrphan(name)),
  );
  if (others.length === 0) return stack;
  const { networks, volumes, configs, secrets } = previous.stack;
  return {
    ...stack,
    services: { ...stack.services, ...Object.fromEntries(others) },
    networks: { ...networks, ...stack.networks },
    volumes: { ...volumes, ...stack.volumes },
    configs: { ...configs, ...stack.configs },
    secrets: { ...secrets, ...stack.secrets },
  };
}

/** What the files call external by now is nobody's to remove, whatever it was when the stack was brought up. */
function afterDown(
  base: Desired,
  request: Extract<Request, { do: "down" }>,
  loaded: Stack | undefined,
): Desired {
  const { do: _do, ...options } = request;
  if ((options.services ?? []).length > 0) return without(base, (name) => isChosen(options.services, name));
  const external = Object.entries(loaded?.volumes ?? {}).filter(([, volume]) => volume.external === true);
  const volumes = { ...base.stack.volumes, ...Object.fromEntries(external) };
  return { ...base, stack: { ...base.stack, volumes }, services: {}, down: options };
}

function isChosen(services: readonly string[] | undefined, name: string): boolean {
  return services === undefined || services.length === 0 || services.includes(name);
}

/** Of services that are held alone: none of these requests makes a container. `from`: only those in that state. */
function withState(
  base: Desired,
  chosen: readonly string[] | undefined,
  state: DesiredService["state"],
  from?: DesiredService["state"],
): Desired {
  const services = Object.entries(base.services).map(([name, service]) => {
    const isMeant = isChosen(chosen, name) && (from === undefined || service.state === from);
    const { hasFinished: _, ...begun } = service;
    return [name, isMeant ? { ...begun, state } : service] as const;
  });
  return { ...base, services: Object.fromEntries(services) };
}

/**
 * What is desired once an `rm` is done as planned. A service whose last container it takes away, since it had finished
 * or failed, is not held any more: a task would be done once more.
 */
export function desiredAfterRemoval(desired: Desired, plan: Plan, { containers }: Observed): Desired {
  const removed = new Set(plan.steps.flatMap((step) => (step.do === "remove" ? step.container.id : [])));
  const services = (isRemoved: boolean) =>
    new Set(
      containers
        .filter((container) => !isOneOff(container) && removed.has(container.id) === isRemoved)
        .map(serviceOf),
    );
  const [going, staying] = [services(true), services(false)];
  return without(desired, (name) => going.has(name) && !staying.has(name));
}

/**
 * What is desired once a pass has seen which services are done: those that are to run, and whose containers have all ended with
 * success and are left so. The same object where there is nothing new.
 */
export function desiredAfterPass(desired: Desired, { kept, steps }: Plan): Desired {
  const busy = new Set(steps.flatMap((step) => ("container" in step ? step.container.service : [])));
  const done = Object.entries(desired.services).filter(([name, { state, hasFinished }]) => {
    const own = kept.filter(({ service }) => service === name);
    const isDone = own.length > 0 && own.every((one) => one.state === "exited" && one.exitCode === 0);
    return isDone && state === "running" && hasFinished !== true && !busy.has(name);
  });
  if (done.length === 0) return desired;
  const finished = done.map(([name, service]) => [name, { ...service, hasFinished: true }] as const);
  return { ...desired, services: { ...desired.services, ...Object.fromEntries(finished) } };
}

function without(base: Desired, isGone: (name: string, service: DesiredService) => boolean): Desired {
  const services = Object.fromEntries(
    Object.entries(base.services).filter(([name, service]) => !isGone(name, service)),
  );
  return { ...base, services };
}
