import { type Clock, systemClock } from "../lib/clock.ts";
import { compact } from "../lib/compact.ts";
import {
  type Desired,
  makePlan,
  type Observed,
  type Plan,
  type Request,
  type Step,
} from "../planner/index.ts";
import {
  type BuildFiles,
  type ContainerInfo,
  type ContainerRuntime,
  type EndpointSpec,
  hasKind,
  type RegistryCredentials,
} from "../runtime/index.ts";
import type { Build, Service } from "../spec/index.ts";
import { ContainerWatch } from "./container-watch.ts";
import { execute } from "./execute.ts";
import { type ObserveOptions, observe } from "./observe.ts";
import { performStep } from "./perform-step.ts";
import type { ProgressEvent } from "./progress.ts";
import type { Report, StepResult } from "./report.ts";
import { wordsOf } from "./step-words.ts";

export interface ReconcileOptions extends Omit<ObserveOptions, "signal" | "nowMs"> {
  readonly runtime: ContainerRuntime;
  readonly request: Request;
  /** What is desired once the request is made. */
  readonly desired: Desired;
  readonly signal: AbortSignal;
  /** Ends what the pass waits for, not what it does. */
  readonly patience?: AbortSignal;
  readonly onProgress?: (event: ProgressEvent) => void;
  /** Asked once, when there are steps; absent: yes. */
  readonly approve?: (plan: Plan, observed: Observed) => Promise<boolean>;
  /** Steps at once; default 16. Waiting is not counted. */
  readonly concurrency?: number;
  /** Pulls and builds at once, when fewer than that. */
  readonly imagesAtOnce?: number;
  readonly edge?: Edge;
  readonly clock?: Clock;
}

/** What a pass needs from the machine it runs on; whatever is absent makes the steps that need it fail. */
export interface Edge {
  /** The context of a build, `.dockerignore` applied, and its Dockerfile where the build itself does not have the text. */
  readonly buildContext?: (build: Build, service: Service) => Promise<BuildFiles>;
  /** For a reference or registry host. */
  readonly credentialsFor?: (reference: string) => Promise<RegistryCredentials | undefined>;
}

const CONCURRENCY = 16;

/** One pass: observe, plan, approve, execute, report. Rejects only when the world could not be read. */
export async function reconcile(options: ReconcileOptions): Promise<Report> {
  const { clock = systemClock, onProgress } = options;
  const startMs = clock.now();
  const { plan, observed } = await look(options);
  onProgress?.({ kind: "plan", plan });
  const report = (outcome: Report["outcome"], results: readonly StepResult[] = [], done = plan): Report => ({
    stackName: options.desired.stack.name,
    plan: done,
    outcome,
    results,
    durationMs: clock.now() - startMs,
  });
  if (plan.problems.length > 0) return report("refused");
  if (plan.steps.length > 0 && options.approve !== undefined && !(await options.approve(plan, observed)))
    return report("declined");
  tellKept(plan, options);
  if (plan.steps.length === 0) return report("unchanged");
  const first = plan.refreshes.length > 0 ? imageStepsOf(plan) : plan;
  const results = await run(first, options);
  const outcome = outcomeOf(results, options);
  if (first === plan || outcome !== "done") return report(outcome, results);
  return secondRound(options, { plan, results, report });
}

type PreviewOptions = Pick<ReconcileOptions, "runtime" | "request" | "desired" | "isPortTaken" | "clock">;

/** What a pass would do: the plan alone, with the fields that differ where containers are replaced. */
export async function preview(options: PreviewOptions): Promise<Plan> {
  return (await look(options)).plan;
}

async function look(options: PreviewOptions): Promise<{ readonly plan: Plan; readonly observed: Observed }> {
  const { desired, request } = options;
  const observed = await read(options);
  const plan = makePlan(request, desired, observed);
  const detailed = await withDetails(options.runtime, observed, plan);
  if (detailed === observed) return { plan, observed };
  return { plan: makePlan(request, desired, detailed), observed: detailed };
}

type Round = {
  readonly plan: Plan;
  readonly results: readonly StepResult[];
  readonly report: (outcome: Report["outcome"], results: readonly StepResult[], done: Plan) => Report;
};

/** The images are here now: what is replaced for them is known. The report shows both rounds as one. */
async function secondRound(options: ReconcileOptions, { results, report }: Round): Promise<Report> {
  const { desired, request, onProgress } = options;
  const observed = await read(options);
  const rough = makePlan(request, desired, observed, { areImagesReady: true });
  const detailed = await withDetails(options.runtime, observed, rough);
  const plan = detailed === observed ? rough : makePlan(request, desired, detailed, { areImagesReady: true });
  onProgress?.({ kind: "plan", plan });
  if (plan.problems.length > 0) return report("refused", results, plan);
  tellKept(plan, options);
  const more = await run(plan, options);
  const whole = { ...plan, steps: [...results.map(({ step }) => step), ...plan.steps] };
  return report(outcomeOf(more, options), [...results, ...more], whole);
}

function read(
  options: Pick<ReconcileOptions, "runtime" | "desired" | "isPortTaken" | "clock">,
): Promise<Observed> {
  const { runtime, desired, isPortTaken, clock = systemClock } = options;
  return observe(runtime, desired.stack.name, desired, {
    nowMs: clock.now(),
    ...(isPortTaken !== undefined && { isPortTaken }),
  });
}

/**
 * Looked at closer: containers that are to be replaced, whose plan can then say which fields differ, and those that lose
 * a network and get it back, as they had it.
 */
async function withDetails(runtime: ContainerRuntime, observed: Observed, plan: Plan): Promise<Observed> {
  const ids = new Set(
    plan.steps.flatMap((step) => {
      if (step.do === "create-container") return step.replaces?.id ?? [];
      return step.do === "disconnect" ? step.container.id : [];
    }),
  );
  if (ids.size === 0) return observed;
  const containers = await Promise.all(
    observed.containers.map(async (container) => {
      if (!ids.has(container.id)) return container;
      try {
        const info = await runtime.containers.inspect(container.id);
        return { ...container, spec: info.spec, endpoints: endpointsAskedFor(info) };
      } catch (error) {
        if (hasKind(error, "not-found")) return container;
        throw error;
      }
    }),
  );
  return { ...observed, containers };
}

/** Of a network that it was attached to later, nobody knows whether its MAC address was asked for. */
function endpointsAskedFor({ spec, endpoints }: ContainerInfo): Readonly<Record<string, EndpointSpec>> {
  return Object.fromEntries(
    Object.entries(endpoints).map(([name, endpoint]) => {
      const { aliases, links, driverOptions, ipv4Address, ipv6Address, linkLocalIps, gatewayPriority } =
        endpoint;
      const given = {
        aliases,
        links,
        driverOptions,
        ipv4Address,
        ipv6Address,
        linkLocalIps,
        gatewayPriority,
      };
      return [name, spec.networks?.[name] ?? compact<EndpointSpec>(given)];
    }),
  );
}

function imageStepsOf(plan: Plan): Plan {
  const isImageStep = ({ do: what }: Step) => what === "pull" || what === "build" || what === "images-ready";
  return { ...plan, steps: plan.steps.filter(isImageStep) };
}

async function run(plan: Plan, options: ReconcileOptions): Promise<readonly StepResult[]> {
  const { runtime, desired, signal, edge = {}, clock = systemClock, concurrency = CONCURRENCY } = options;
  const emit = options.onProgress ?? (() => {});
  const watch = new ContainerWatch(runtime, desired.stack.name, clock);
  const lookups = { imageIds: new Map<string, Promise<string>>() };
  const words = wordsOf(plan);
  const context = { runtime, stack: desired.stack, edge, clock, watch, lookups, emit };
  try {
    return await execute(plan, {
      concurrency,
      ...(options.imagesAtOnce !== undefined && { imagesAtOnce: options.imagesAtOnce }),
      signal,
      ...(options.patience !== undefined && { patience: options.patience }),
      perform: async (step, stepSignal) => {
        tell(step, "begin");
        await performStep(step, context, stepSignal);
        tell(step, "end");
      },
      onResult: (result) => {
        tellTrouble(result);
        emit({ kind: "step", result });
      },
    });
  } finally {
    watch.close();
  }

  function tell(step: Step, when: "begin" | "end"): void {
    const said = words(step);
    const word = said?.[when];
    if (said === undefined || word === undefined) return;
    const { object, name } = said;
    emit({
      kind: "object",
      object,
      name,
      word,
      phase: when === "begin" ? "working" : "done",
      stepId: step.id,
    });
  }

  function tellTrouble(result: StepResult): void {
    if (result.status !== "failed" && !(result.status === "warned" && result.error !== undefined)) return;
    const said = words(result.step);
    const phase = result.status === "failed" ? "error" : "warning";
    const { error } = result;
    emit({
      kind: "object",
      object: said?.object ?? "Service",
      name: said?.name ?? result.step.id,
      word: phase === "error" ? "Error" : "Warning",
      phase,
      stepId: result.step.id,
      text: error instanceof Error ? error.message : String(error),
    });
  }
}

function outcomeOf(
  results: readonly StepResult[],
  { signal, patience }: Pick<ReconcileOptions, "signal" | "patience">,
): Report["outcome"] {
  const isCut = signal.aborted || patience?.aborted === true;
  if (isCut && results.some(({ status }) => status === "failed" || status === "skipped")) return "cancelled";
  return results.some(({ status }) => status === "failed" || status === "skipped") ? "failed" : "done";
}

function tellKept(plan: Plan, { onProgress }: ReconcileOptions): void {
  for (const { name, state } of plan.kept)
    if (state === "running")
      onProgress?.({ kind: "object", object: "Container", name, word: "Running", phase: "done" });
}
