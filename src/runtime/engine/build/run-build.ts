import {
  checkForms,
  DockerfileError,
  excerpt,
  findStage,
  type Instruction,
  parseDockerfile,
  type Stage,
  type StagedDockerfile,
  splitStages,
  targetStage,
} from "../../dockerfile/index.ts";
import { type BuildOptions, type Images, isFolderSource, RuntimeError } from "../../index.ts";
import { collectReleased, createImage, machinePlatform, taggable } from "../images/index.ts";
import { diffTar } from "../rootfs/index.ts";
import { baseState, findOrPull, targetPlatform } from "./base-image.ts";
import { globalArgs, platformArgs, sourceDate } from "./build-args.ts";
import type { CacheEntry } from "./build-cache.ts";
import { openFiles, readContext } from "./build-context.ts";
import { BuildOutput } from "./build-output.ts";
import type { BuilderContext, BuildSession, BuildSource } from "./build-session.ts";
import { buildStage, type StageNumbers } from "./build-stage.ts";
import { carriesCache, importCache, tellUnservedTargets } from "./inline-cache.ts";
import { neededStages } from "./needed-stages.ts";
import type { StageState } from "./stage-state.ts";
import { openView } from "./step-rootfs.ts";
import type { Trees } from "./trees.ts";

/** One build from the context to the image. */
export async function buildImage(
  builder: BuilderContext,
  options: BuildOptions,
): Promise<{ readonly id: string }> {
  const references = (options.tags ?? []).map(taggable);
  return runBuild(builder, options, (state) => finish(builder, state, references, options));
}

/** One build from the context to its files. */
export async function buildFiles(
  builder: BuilderContext,
  options: BuildOptions,
  take: Parameters<Images["buildFiles"]>[1],
): Promise<void> {
  await runBuild(builder, options, async ({ layerDirs }) => {
    const view = await openView(builder, layerDirs);
    const files = diffTar(view.dir);
    try {
      await take(files);
    } finally {
      files.destroy();
      await view.close();
    }
  });
}

/** What a build needs along the way is gone at the end, however it ends. */
async function runBuild<T>(
  builder: BuilderContext,
  options: BuildOptions,
  use: (state: StageState) => Promise<T>,
): Promise<T> {
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const closing: (() => Promise<unknown>)[] = [];
  const lease = builder.images.context.leases.open();
  const leftBehind = (error: unknown) => builder.log.warn("A build left something behind", { error });
  try {
    // The thread starts while the context comes in.
    const trees = builder.treeThreads.take();
    closing.push(() => builder.treeThreads.giveBack(trees));
    const context = await openFiles(builder, options.context, { trees, signal });
    closing.push(() => context.close());
    const name = options.dockerfile ?? "Dockerfile";
    const { text, source } = readContext(context, name, options.dockerfileText);
    const state = await withExcerpt({ text, name, options }, async () => {
      const plan = planBuild(text, name, options);
      const session = openSession(builder, { ...plan, options, source, trees, lease, signal, closing });
      const work = session.settled();
      // The first failure ends everything else; it is the one that is told.
      work.catch(() => failed.abort());
      await work;
      return session.stage(plan.target);
    });
    return await use(state);
  } catch (error) {
    if (options.signal?.aborted === true)
      throw new RuntimeError("cancelled", "The build was cancelled", { cause: options.signal.reason });
    throw error;
  } finally {
    failed.abort();
    if (!isFolderSource(options.context)) options.context.destroy();
    for (const close of closing.reverse()) await close().catch(leftBehind);
    await collectReleased(builder.images.context, lease.release()).catch(leftBehind);
  }
}

interface Plan {
  readonly file: StagedDockerfile;
  readonly target: Stage;
  readonly needed: readonly Stage[];
  readonly globalArgs: ReadonlyMap<string, string>;
  readonly sourceDate: string | undefined;
  readonly platform: BuildSession["platform"];
}

function planBuild(text: string, name: string, options: BuildOptions): Plan {
  const dockerfile = parseDockerfile(text, name);
  const parsed = splitStages(dockerfile);
  checkForms(dockerfile);
  const named = targetStage(parsed.stages, options.target);
  const platform = targetPlatform(options.platform);
  const args = globalArgs(parsed.globalArgs, {
    given: options.buildArgs ?? {},
    platform: platformArgs(platform, machinePlatform(), named.name ?? "default"),
    escape: parsed.escapeChar,
  });
  const target = withLabels(named, options.labels);
  const file = { ...parsed, stages: parsed.stages.with(named.index, target) };
  const needed = neededStages(file, target, args, options.namedContexts);
  return { file, target, needed, globalArgs: args, sourceDate: sourceDate(options), platform };
}

/** Labels given from outside are one more instruction at the end. */
function withLabels(stage: Stage, labels: BuildOptions["labels"]): Stage {
  const pairs = Object.entries(labels ?? {});
  if (pairs.length === 0) return stage;
  const args = pairs.map(([key, value]) => `${quoted(key)}=${quoted(value)}`).join(" ");
  const { line, endLine } = stage.instructions.at(-1) ?? stage.from;
  const label: Instruction = {
    name: "LABEL",
    flags: [],
    args,
    keyword: "LABEL",
    heredocs: [],
    text: `LABEL ${pairs.map((pair) => pair.join("=")).join(" ")}`,
    line,
    endLine,
  };
  return { ...stage, instructions: [...stage.instructions, label] };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}

interface SessionParts extends Plan {
  readonly options: BuildOptions;
  readonly source: Omit<BuildSource, "keepsOwner">;
  readonly trees: Trees;
  readonly lease: BuildSession["lease"];
  readonly signal: AbortSignal;
  readonly closing: (() => Promise<unknown>)[];
}

function openSession(
  builder: BuilderContext,
  parts: SessionParts,
): BuildSession & { settled(): Promise<unknown> } {
  const { options, file, needed, signal, closing } = parts;
  const numbers = numberStages(needed);
  const stages = new Map<number, Promise<StageState>>();
  const sources = new Map<string, Promise<BuildSource>>();
  let imported: Promise<ReadonlyMap<string, CacheEntry>> | undefined;
  const session: BuildSession = {
    builder,
    options,
    file,
    target: parts.target,
    platform: parts.platform,
    globalArgs: parts.globalArgs,
    sourceDate: parts.sourceDate,
    context: { ...parts.source, keepsOwner: false },
    trees: parts.trees,
    output: new BuildOutput(options.onOutput),
    lease: parts.lease,
    imported: () => {
      imported ??= importCache(session);
      return imported;
    },
    signal,
    stage: (stage) => {
      const begun = stages.get(stage.index) ?? buildStage(session, stage, numbers(stage));
      stages.set(stage.index, begun);
      begun.catch(() => {});
      return begun;
    },
    source: (reference, asking) => {
      const key = `${findStage(file.stages, reference, asking.index)?.index ?? "image"} ${reference}`;
      const opened = sources.get(key) ?? openSource(session, reference, asking, closing);
      sources.set(key, opened);
      return opened;
    },
    base: (stage) => baseState(session, stage),
  };
  tellUnservedTargets(session);
  // Independent stages side by side; what one needs of another it waits for.
  for (const stage of needed) session.stage(stage);
  closing.push(() => Promise.allSettled(stages.values()));
  return { ...session, settled: () => Promise.all(stages.values()) };
}

function numberStages(needed: readonly Stage[]): (stage: Stage) => StageNumbers {
  const total = needed.reduce((sum, stage) => sum + stage.instructions.length + 1, 0);
  let next = 0;
  const firsts = new Map(
    needed.map((stage) => {
      const first = next;
      next += stage.instructions.length + 1;
      return [stage.index, first] as const;
    }),
  );
  return (stage) => ({
    first: firsts.get(stage.index) ?? total,
    total,
    label: needed.length === 1 ? undefined : (stage.name ?? `stage-${stage.index}`),
  });
}

async function openSource(
  session: BuildSession,
  reference: string,
  asking: Stage,
  closing: (() => Promise<unknown>)[],
): Promise<BuildSource> {
  const { builder, options, signal } = session;
  const named = options.namedContexts?.[reference];
  if (typeof named === "object") {
    const { close, ...files } = await openFiles(builder, named, { trees: session.trees, signal });
    closing.push(close);
    return { ...files, keepsOwner: false };
  }
  const earlier =
    typeof named === "string" ? undefined : findStage(session.file.stages, reference, asking.index);
  const { layerDirs, identity } =
    earlier === undefined
      ? await imageLayers(
          session,
          typeof named === "string" ? named.replace(/^docker-image:\/\//, "") : reference,
        )
      : await stageLayers(session, earlier);
  const view = await openView(builder, layerDirs);
  closing.push(() => view.close());
  return { dir: view.dir, identity, keepsOwner: true };
}

async function stageLayers(session: BuildSession, stage: Stage) {
  const { layerDirs, chainId } = await session.stage(stage);
  return { layerDirs, identity: chainId ?? "scratch" };
}

async function imageLayers(session: BuildSession, reference: string) {
  const image = await findOrPull(session, reference, undefined, () => {});
  const { layerDirs } = await session.builder.images.resolve(image.id);
  return { layerDirs, identity: image.id };
}

/** Shows where in the Dockerfile it went wrong: as text after the step's own output, and with the error. */
async function withExcerpt<T>(
  file: { readonly text: string; readonly name: string; readonly options: BuildOptions },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    const { name, text, options } = file;
    const { kind, message, cause, exitCode, lines } = error;
    options.onOutput?.(excerpt(text, name, lines), "excerpt");
    const source = { name, text, firstLine: lines.line, lastLine: lines.endLine };
    throw new RuntimeError(kind, message, { cause, ...(exitCode === undefined ? {} : { exitCode }), source });
  }
}

async function finish(
  builder: BuilderContext,
  state: StageState,
  references: readonly string[],
  options: BuildOptions,
): Promise<{ readonly id: string }> {
  const { context } = builder.images;
  await Promise.all(state.layers.map((layer) => context.content.makeDurable(layer.blob.digest)));
  const { os, architecture, variant } = state.platform;
  const image = await createImage(context, {
    config: {
      created: sourceDate(options) ?? (state.created || new Date().toISOString()),
      ...(state.author === undefined ? {} : { author: state.author }),
      os,
      architecture,
      ...(variant === undefined ? {} : { variant }),
      defaults: state.config,
      diffIds: state.layers.map((layer) => layer.diffId),
      history: state.history,
      ...(carriesCache(options) ? { buildSteps: state.steps } : {}),
    },
    layers: state.layers,
    references,
  });
  return { id: image.id };
}
