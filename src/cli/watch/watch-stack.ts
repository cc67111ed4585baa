import { environmentOf, type Request, type UpOptions } from "../../planner/index.ts";
import type { ContainerRuntime } from "../../runtime/index.ts";
import type { Stack, WatchRule } from "../../spec/index.ts";
import { askStack } from "../ask-stack.ts";
import type { Context } from "../context.ts";
import { messageOf } from "../render/error.ts";
import type { ProgressView } from "../render/progress-view.ts";
import { stackContainers } from "../stack-containers.ts";
import { type WatchFilter, watchFilter } from "./path-filter.ts";
import { filesBelow, syncFiles } from "./sync-files.ts";
import { WatchTree } from "./watch-tree.ts";

/** Editors save in several steps; a burst is over when nothing happened for this long. */
const QUIET_MS = 300;

interface Watched extends WatchFilter {
  readonly service: string;
  readonly rule: WatchRule;
}

export interface WatchStackOptions {
  readonly stack: Stack;
  /** Absent or empty: all that say what to watch. */
  readonly services: readonly string[];
  readonly prune: boolean;
  /** As the stack was brought up with: a rebuild changes no number of replicas. */
  readonly scale?: UpOptions["scale"];
  /** From now on no change is missed. */
  readonly onReady: () => void;
  readonly signal: AbortSignal;
  /** Where passes of the stack are shown, else as any other command's. */
  readonly openView?: () => Promise<ProgressView>;
  /** Told before and after each burst's work, in which containers end that start again. */
  readonly onBusy?: (isBusy: boolean) => void;
}

/** Services of the stack that have something to watch. */
export function watchedServices(stack: Stack, services: readonly string[]): readonly string[] {
  return Object.entries(stack.services)
    .filter(
      ([name, service]) =>
        (service.develop?.watch?.length ?? 0) > 0 && (services.length === 0 || services.includes(name)),
    )
    .map(([name]) => name);
}

/** Watches files and acts on changes as `develop.watch` says, one burst after the other, until `signal` aborts. */
export async function watchStack(context: Context, options: WatchStackOptions): Promise<void> {
  const { stack, signal } = options;
  const watched = watchedServices(stack, options.services).flatMap((service): Watched[] =>
    (stack.services[service]?.develop?.watch ?? []).map((rule) => ({
      service,
      rule,
      ...watchFilter(rule, stack.services[service]?.build?.context),
    })),
  );
  const runtime = await context.runtime();
  const changed = new Set<string>();
  let wake: () => void = () => {};
  const trees: WatchTree[] = [];
  signal.addEventListener("abort", () => wake());
  try {
    for (const path of new Set(watched.map(({ rule }) => rule.path))) {
      const rules = watched.filter(({ rule }) => rule.path === path);
      const tree = await WatchTree.open(path, {
        onChange: (file) => {
          changed.add(file);
          wake();
        },
        onError: (error) => context.note(`stowage: ${messageOf(error)}`),
        isLeftOut: (folder) => rules.every((one) => one.isLeftOut(folder)),
      });
      trees.push(tree);
    }
    options.onReady();
    for (const one of watched)
      if (one.rule.initial_sync === true) await syncAll(context, runtime, stack, one);
    while (!signal.aborted) {
      if (changed.size === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      await quiet(changed);
      const burst = [...changed];
      changed.clear();
      options.onBusy?.(true);
      await act(context, runtime, { ...options, watched, burst });
      options.onBusy?.(false);
    }
  } finally {
    for (const tree of trees) tree.close();
  }
}

/** Resolves when the set has stopped growing. */
async function quiet(changed: ReadonlySet<string>): Promise<void> {
  for (let before = -1; before !== changed.size; ) {
    before = changed.size;
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  }
}

interface Burst extends WatchStackOptions {
  readonly watched: readonly Watched[];
  readonly burst: readonly string[];
}

/** A rebuild makes everything else about its service unnecessary. */
async function act(context: Context, runtime: ContainerRuntime, options: Burst): Promise<void> {
  const { watched, burst } = options;
  const hits = watched
    .map((one) => ({ ...one, files: burst.filter(one.isWanted) }))
    .filter(({ files }) => files.length > 0);
  const rebuilt = new Set(hits.filter(({ rule }) => rule.action === "rebuild").map(({ service }) => service));
  try {
    for (const service of rebuilt) await rebuild(context, runtime, service, options);
    for (const hit of hits) if (!rebuilt.has(hit.service)) await apply(context, runtime, hit, options);
  } catch (error) {
    context.note(`stowage: ${messageOf(error)}`);
  }
}

async function apply(
  context: Context,
  runtime: ContainerRuntime,
  { service, rule, isWanted, files }: Watched & { readonly files: readonly string[] },
  options: WatchStackOptions,
): Promise<void> {
  const { stack } = options;
  if (rule.action.startsWith("sync") && rule.target !== undefined) {
    const place = { path: rule.path, target: rule.target, isWanted };
    for (const id of await idsOf(runtime, stack, service)) await syncFiles(runtime, id, files, place);
    context.note(
      `Syncing service "${service}" after ${files.length} ${files.length === 1 ? "change" : "changes"}`,
    );
  }
  if (rule.action.endsWith("restart")) {
    await ask(context, options, { do: "restart", services: [service], noDeps: true });
  }
  if (rule.action === "sync+exec" && rule.exec?.command !== undefined) {
    for (const id of await idsOf(runtime, stack, service)) await execHook(context, runtime, id, rule);
  }
}

async function rebuild(
  context: Context,
  runtime: ContainerRuntime,
  service: string,
  options: WatchStackOptions,
): Promise<void> {
  context.note(`Rebuilding service "${service}" after changes`);
  const { scale } = options;
  const only = { services: [service], noDeps: true, ...(scale !== undefined && { scale }) };
  await ask(context, options, { do: "up", ...only, build: "always" });
  if (options.prune) await runtime.images.prune({ dangling: ["true"] }).catch(() => {});
  context.note(`Service "${service}" rebuilt`);
}

async function ask(
  context: Context,
  { stack, signal, openView }: WatchStackOptions,
  request: Request,
): Promise<void> {
  const view = await openView?.();
  const own = view === undefined ? {} : { view };
  await askStack(context, { stackName: stack.name, stack, request, signal, ...own });
}

async function syncAll(
  context: Context,
  runtime: ContainerRuntime,
  stack: Stack,
  one: Watched,
): Promise<void> {
  const { service, rule, isWanted } = one;
  if (rule.target === undefined) return;
  const place = { path: rule.path, target: rule.target, isWanted };
  const files = await filesBelow(place);
  for (const id of await idsOf(runtime, stack, service)) await syncFiles(runtime, id, files, place);
  context.note(`Synced service "${service}": ${files.length} files`);
}

async function execHook(
  context: Context,
  runtime: ContainerRuntime,
  id: string,
  { exec }: WatchRule,
): Promise<void> {
  const execId = await runtime.containers.createExec(id, {
    command: exec?.command ?? [],
    attachStdout: true,
    attachStderr: true,
    ...(exec?.user !== undefined && { user: exec.user }),
    ...(exec?.working_dir !== undefined && { workingDir: exec.working_dir }),
    ...(exec?.privileged === true && { privileged: true }),
    ...(exec?.environment !== undefined && { env: environmentOf(exec.environment) }),
  });
  const session = await runtime.containers.startExec(execId);
  if (session === undefined) return;
  for await (const { data } of session.output) context.io.stderr.write(data);
}

async function idsOf(runtime: ContainerRuntime, stack: Stack, service: string): Promise<readonly string[]> {
  const found = await stackContainers(runtime, stack.name, { services: [service] });
  return found.map(({ summary }) => summary.id);
}
