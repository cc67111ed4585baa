import { unlessAborted } from "../../../lib/unless-aborted.ts";
import { RuntimeError } from "../../index.ts";
import { chainIdOf, type Digest, ensureLayer, type ImageLayer } from "../images/index.ts";
import { type CacheEntry, cacheKey, type FullStep } from "./build-cache.ts";
import type { BuildSession, Step } from "./build-session.ts";
import type { StageState } from "./stage-state.ts";
import { StepRootfs } from "./step-rootfs.ts";

export interface StepOutcome {
  readonly state: StageState;
  readonly isCached: boolean;
}

type KeyParts = () => unknown | Promise<unknown>;

export interface LayerStep {
  /** All that the result depends on besides the layers below. Several: any of them tells. */
  readonly keys: readonly [KeyParts, ...KeyParts[]];
  /** A function is called once all keys have been. */
  readonly createdBy: string | (() => string);
  /** It runs something, in a container made of the file system. */
  readonly isRun?: boolean;
  /** Carries it out in the mounted file system. */
  readonly perform: (rootfs: StepRootfs) => Promise<void>;
}

/**
 * A step that changes files: taken from the cache, or carried out in a new layer. Builds that come to the same step at
 * once carry it out once.
 */
export async function layerStep(step: Step, work: LayerStep): Promise<StepOutcome> {
  const firstKey = await keyOf(step, work.keys[0]);
  const perform = () => lookUpOrCarryOut(step, work, firstKey);
  return usesCache(step) ? inTurn(step.session, firstKey, perform) : perform();
}

/** Behind whoever carries out the same step. A cancelled build does not wait for that, but cleans up what it has begun. */
async function inTurn<T>(
  { builder, signal }: BuildSession,
  key: string,
  perform: () => Promise<T>,
): Promise<T> {
  let work: Promise<T> | undefined;
  const turn = new Promise<void>((resolve) => {
    work = builder.steps.run(key, async () => {
      resolve();
      signal.throwIfAborted();
      return perform();
    });
    work.catch(() => {});
  });
  await unlessAborted(turn, signal);
  return work as Promise<T>;
}

async function keyOf({ state }: Step, parts: KeyParts): Promise<string> {
  return cacheKey("layer-1", state.chainId ?? "scratch", await parts());
}

async function lookUpOrCarryOut(step: Step, work: LayerStep, firstKey: string): Promise<StepOutcome> {
  const { session, state } = step;
  const keys: string[] = [];
  for (const [index, parts] of work.keys.entries()) {
    const key = index === 0 ? firstKey : await keyOf(step, parts);
    keys.push(key);
    const entry = await usableEntry(step, key);
    if (entry === undefined) continue;
    const full = await fullStep(step, work, keys, entry);
    // What another's image brought along is used, but never kept for builds that did not ask for it.
    if (session.builder.cache.get(key) !== undefined) {
      const known = { ...entry, ...keptFull(full) };
      session.builder.cache.use(known);
      // So that the quicker key serves the next time.
      for (const other of keys) if (other !== key) await session.builder.cache.put({ ...known, key: other });
    }
    return { state: withLayer(step, { ...entry, full }), isCached: true };
  }
  const layer = await carryOut(step, work);
  const createdAt = new Date().toISOString();
  const full = { keys, createdBy: textOf(work) };
  const entry = {
    description: step.instruction.text.slice(0, 1000),
    ...(layer === undefined ? {} : { layer, chainId: chainIdOf(state.chainId, layer.diffId) }),
    createdAt,
    lastUsedAt: createdAt,
    usageCount: 1,
    ...keptFull(full),
  };
  for (const key of keys) await session.builder.cache.put({ ...entry, key });
  return { state: withLayer(step, { ...entry, full }), isCached: false };
}

/** The same whichever key told that the step is done already: what an image says of it must not depend on that. */
async function fullStep(
  step: Step,
  work: LayerStep,
  keys: readonly string[],
  { full }: CacheEntry,
): Promise<FullStep> {
  const slower = work.keys.slice(keys.length);
  if (slower.length > 0 && full !== undefined)
    return { ...full, keys: [...keys, ...full.keys.slice(keys.length)] };
  const all = [...keys];
  for (const parts of slower) all.push(await keyOf(step, parts));
  return { keys: all, createdBy: textOf(work) };
}

function keptFull(full: FullStep): Pick<CacheEntry, "full"> {
  return full.keys.length > 1 ? { full } : {};
}

function textOf({ createdBy }: LayerStep): string {
  return typeof createdBy === "string" ? createdBy : createdBy();
}

async function carryOut(step: Step, work: LayerStep): Promise<ImageLayer | undefined> {
  const { session, state } = step;
  session.signal.throwIfAborted();
  const rootfs = await StepRootfs.open(session.builder, state.layerDirs, work);
  try {
    await work.perform(rootfs);
    return await rootfs.commit(session.builder.images.context, {
      parentChainId: state.chainId,
      lease: session.lease,
      signal: session.signal,
    });
  } catch (error) {
    await rootfs.close();
    throw error;
  }
}

function usesCache({ session, stage }: Step): boolean {
  const { noCache, noCacheStages = [] } = session.options;
  const names = [stage.name, String(stage.index)];
  return noCache !== true && !noCacheStages.some((name) => names.includes(name.toLowerCase()));
}

function mayLookUp(step: Step): boolean {
  return usesCache(step) && !step.isBehindMiss;
}

/** An entry whose layer is here, or can be unpacked again. */
async function usableEntry(step: Step, key: string): Promise<CacheEntry | undefined> {
  const { session, state } = step;
  if (!mayLookUp(step)) return undefined;
  const entry = session.builder.cache.get(key) ?? (await importedEntry(step, key));
  if (entry?.layer === undefined || entry.chainId === undefined) return entry;
  session.lease.hold(entry.chainId, entry.layer.blob.digest);
  const { context } = session.builder.images;
  try {
    if (!(await context.content.has(entry.layer.blob.digest)))
      throw new RuntimeError("not-found", "its blob is gone");
    await ensureLayer(context, entry.layer, state.chainId, entry.chainId);
    return entry;
  } catch (error) {
    session.builder.log.info("A cached build step is of no use any more", { key, error });
    await session.builder.cache.remove(key);
    return undefined;
  }
}

/** An image may say anything of itself: its layer has to fit on the layers so far. */
async function importedEntry({ session, state }: Step, key: string): Promise<CacheEntry | undefined> {
  const entry = (await session.imported()).get(key);
  if (entry?.layer === undefined) return entry;
  return entry.chainId === chainIdOf(state.chainId, entry.layer.diffId) ? entry : undefined;
}

function withLayer(
  { session, state }: Step,
  made: Pick<CacheEntry, "layer" | "createdAt"> & { readonly full: FullStep },
): StageState {
  const { layer, createdAt, full } = made;
  const { keys, createdBy } = full;
  const created = session.sourceDate ?? createdAt;
  const entry = { created, createdBy, isEmptyLayer: layer === undefined };
  const record = { keys, createdAt, ...(layer === undefined ? {} : { layer: state.layers.length }) };
  const base = {
    ...state,
    history: [...state.history, entry],
    steps: [...state.steps, record],
    created,
  };
  if (layer === undefined) return base;
  const chainId: Digest = chainIdOf(state.chainId, layer.diffId);
  const dir = session.builder.images.context.layers.dirOf(chainId);
  return { ...base, layers: [...state.layers, layer], chainId, layerDirs: [dir, ...state.layerDirs] };
}

/** A step that changes the configuration only: cached for its time alone, so that a second build gives the same image. */
export async function configStep(
  step: Step,
  next: Partial<StageState>,
  createdBy: string,
): Promise<StepOutcome> {
  const { session, state } = step;
  const { cache } = session.builder;
  const key = cacheKey("config-1", state.chainId, state.config, state.created, createdBy, next.config);
  const known = mayLookUp(step) ? cache.get(key) : undefined;
  const created = known?.createdAt ?? new Date().toISOString();
  if (known === undefined)
    await cache.put({
      key,
      description: step.instruction.text.slice(0, 1000),
      createdAt: created,
      lastUsedAt: created,
      usageCount: 1,
    });
  const told = session.sourceDate ?? created;
  const history = [...state.history, { created: told, createdBy, isEmptyLayer: true }];
  return { state: { ...state, ...next, history, created: told }, isCached: known !== undefined };
}
