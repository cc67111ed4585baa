import {
  desiredAfter,
  makePlan,
  type Observed,
  type Plan,
  type Request,
} from "../../../src/planner/index.ts";
import { buildOptionsOf } from "../../../src/reconciler/build-image.ts";
import { observe, reconcile } from "../../../src/reconciler/index.ts";
import { openMemoryRuntime, TurnableClock } from "../../../src/runtime/memory/index.ts";
import { type LoadResult, loadStack, type Stack } from "../../../src/spec/index.ts";
import { memoryDisk } from "../../spec/memory-disk.ts";
import type { Sample } from "./samples.ts";

/** The name that stands for `*`, by what it is a member of. */
const MEMBERS: Readonly<Record<string, string>> = {
  services: "web",
  depends_on: "db",
  ulimits: "nofile",
  networks: "net",
  volumes: "data",
  configs: "text",
  secrets: "text",
  models: "llm",
};

const BASE = {
  services: { web: { image: "one:1" }, db: { image: "one:1", healthcheck: { test: ["CMD", "true"] } } },
};

export interface Probe {
  readonly plan: Plan;
  /** Everything that is done for the stack, as text. */
  readonly effects: string;
}

/** The sample's stack. */
export function probeWith(sample: Sample): Promise<Probe> {
  return probe(merged(baseOf(sample), modelOf(sample.path, sample.to)), sample);
}

/** The stack that differs from the sample's by its value alone. */
export function probeWithout(sample: Sample): Promise<Probe> {
  return probe(modelWithout(sample), sample);
}

/** What is said while the sample's file and the other one are read. */
export async function readings(
  sample: Sample,
): Promise<{ readonly with: LoadResult; readonly without: LoadResult }> {
  return {
    with: await load(merged(baseOf(sample), modelOf(sample.path, sample.to)), sample),
    without: await load(modelWithout(sample), sample),
  };
}

function baseOf({ more }: Sample): unknown {
  return merged(BASE, more.with);
}

function modelWithout(sample: Sample): unknown {
  const { path, from, more } = sample;
  const base = baseOf(sample);
  if (more.instead !== undefined) return merged(base, more.instead);
  return from === undefined ? base : merged(base, modelOf(path, from));
}

/** Where a sample's value is: `services.web.ports[0].target`. */
export function placeOf(path: string): string {
  return steps(path)
    .map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`))
    .join("")
    .slice(1);
}

function steps(path: string): readonly (string | number)[] {
  const found: (string | number)[] = [];
  for (const part of path.split(/\.|(?=\[\])/)) {
    if (part === "[]") found.push(0);
    else found.push(part === "*" ? (MEMBERS[String(found.at(-1))] ?? "x") : part);
  }
  return found;
}

function modelOf(path: string, value: unknown): unknown {
  return [...steps(path)]
    .reverse()
    .reduce((inner: unknown, step) => (typeof step === "number" ? [inner] : { [step]: inner }), value);
}

function merged(a: unknown, b: unknown): unknown {
  if (b === undefined) return a;
  if (Array.isArray(a) && Array.isArray(b) && b.some((item) => typeof item === "object"))
    return Array.from({ length: Math.max(a.length, b.length) }, (_, index) => merged(a[index], b[index]));
  if (!isObject(a) || !isObject(b)) return b;
  return Object.fromEntries(
    [...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) => [key, merged(a[key], b[key])]),
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function probe(model: unknown, sample: Sample): Promise<Probe> {
  const { before, request = "up" } = sample.more;
  const stack = await loaded(model, sample);
  const asked: Request = { do: request };
  const running = before === undefined ? undefined : await loaded(merged(model, before), sample);
  const desired = desiredAfter(asked, { stack });
  if (desired === undefined) throw new Error("nothing is desired");
  const plan = makePlan(asked, desired, await world(stack, running));
  return { plan, effects: effectsOf(stack, plan) };
}

async function loaded(model: unknown, sample: Sample): Promise<Stack> {
  const { stack, problems } = await load(model, sample);
  if (stack === undefined) throw new Error(problems.map(({ message }) => message).join("\n"));
  return stack;
}

function load(model: unknown, { more }: Sample): Promise<LoadResult> {
  const files = Object.entries({ "compose.yaml": JSON.stringify(model), ...more.files });
  return loadStack({
    files: ["/srv/shop/compose.yaml"],
    startDirectory: "/srv/shop",
    environment: { SHELL_VALUE: "from the shell", OTHER_VALUE: "too" },
    disk: memoryDisk(Object.fromEntries(files.map(([name, text]) => [`/srv/shop/${name}`, text]))),
  });
}

async function world(stack: Stack, running: Stack | undefined): Promise<Observed> {
  const clock = new TurnableClock();
  const runtime = openMemoryRuntime({ clock, images: { "one:1": {}, "two:1": {} } });
  const nowMs = clock.now();
  if (running !== undefined) {
    const desired = desiredAfter({ do: "up" }, { stack: running });
    if (desired === undefined) throw new Error("nothing is desired");
    const { signal } = new AbortController();
    await clock.turnUntil(reconcile({ runtime, clock, desired, signal, request: { do: "up" } }));
  }
  const observed = await observe(runtime, stack.name, desiredAfter({ do: "up" }, { stack }), { nowMs });
  const images = Object.entries(observed.images).map(([name, image]) => [
    name,
    { ...image, lastTaggedAtMs: nowMs - 24 * 3600_000 },
  ]);
  return { ...observed, images: Object.fromEntries(images) };
}

/** Hashes and what Compose writes down for itself say only that something was declared, not that it is done. */
function effectsOf(stack: Stack, plan: Plan): string {
  const builds = plan.steps.flatMap((step) => {
    const service = step.do === "build" ? stack.services[step.service] : undefined;
    const build = service?.build;
    if (service === undefined || build === undefined) return [];
    const { context, secrets, tags, labels, additional_contexts: contexts } = build;
    const contents = secrets?.map(({ source = "", target }) => [target, stack.secrets[source]?.file]);
    return [{ context, contents, tags, labels, contexts, ...buildOptionsOf(build, service) }];
  });
  const contents = [stack.configs, stack.secrets].map((objects) =>
    Object.values(objects).map(({ content }) => content),
  );
  return JSON.stringify({ steps: plan.steps, builds, contents }, (key, value: unknown) =>
    key === "joins" ||
    key === "reason" ||
    key === "com.docker.compose.config-hash" ||
    key === "com.docker.compose.depends_on"
      ? undefined
      : value,
  );
}
