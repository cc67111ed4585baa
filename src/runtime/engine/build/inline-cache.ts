import { parseKeyValues } from "../../../lib/key-values.ts";
import { errorChain } from "../../../lib/log.ts";
import { type BuildOptions, RuntimeError } from "../../index.ts";
import { chainIdsOf, type StoredImage } from "../images/index.ts";
import { findOrPull } from "./base-image.ts";
import { type CacheEntry, cacheKey } from "./build-cache.ts";
import type { BuildSession } from "./build-session.ts";

/** Whether the image is to carry its steps, for other builds to take them from. */
export function carriesCache({ buildArgs, cacheTo = [] }: BuildOptions): boolean {
  return /^(?:1|t|true)$/i.test(buildArgs?.["BUILDKIT_INLINE_CACHE"] ?? "") || cacheTo.some(isInline);
}

function isInline(target: string): boolean {
  return fieldsOf(target)["type"] === "inline";
}

/** Targets of `--cache-to` that nothing is written to: told, since the build itself is none the worse. */
export function tellUnservedTargets({ options, output }: BuildSession): void {
  for (const target of options.cacheTo ?? [])
    if (!isInline(target))
      output.write(-1, `Cannot export the cache to "${target}": only type=inline is served\n`, "stderr");
}

/** Steps that the images of `--cache-from` carry, by key. What cannot be had is told and is no failure. */
export async function importCache(session: BuildSession): Promise<ReadonlyMap<string, CacheEntry>> {
  const found = new Map<string, CacheEntry>();
  if (session.options.noCache === true) return found;
  for (const source of session.options.cacheFrom ?? []) {
    const entries = await importFrom(session, source);
    for (const entry of entries) if (!found.has(entry.key)) found.set(entry.key, entry);
  }
  return found;
}

async function importFrom(session: BuildSession, source: string): Promise<readonly CacheEntry[]> {
  const { options, output } = session;
  const name = `importing cache manifest from ${fieldsOf(source)["ref"] ?? source}`;
  const step = { digest: `sha256:${cacheKey(name)}`, name, inputs: [], startedAt: new Date() };
  options.onStep?.(step);
  try {
    const reference = referenceOf(source);
    const local = { ...session, options: { ...options, pull: false } };
    const entries = entriesOf(await findOrPull(local, reference, undefined, () => {}));
    options.onStep?.({ ...step, completedAt: new Date() });
    if (entries.length === 0)
      output.write(
        -1,
        `Image "${reference}" carries no cache: build it with BUILDKIT_INLINE_CACHE=1\n`,
        "stderr",
      );
    return entries;
  } catch (error) {
    session.signal.throwIfAborted();
    options.onStep?.({ ...step, completedAt: new Date(), error: errorChain(error) });
    output.write(-1, `Cannot use "${source}" as a cache: ${errorChain(error)}\n`, "stderr");
    return [];
  }
}

/** `name:tag`, or `type=registry,ref=name:tag`. */
function referenceOf(source: string): string {
  if (!source.includes("=")) return source;
  const { type, ref } = fieldsOf(source);
  if ((type === "registry" || type === undefined) && ref !== undefined) return ref;
  throw new RuntimeError("unsupported", "only images are cache sources: type=registry,ref=NAME");
}

function fieldsOf(text: string): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(parseKeyValues(text));
}

function entriesOf({ config, layers }: StoredImage): readonly CacheEntry[] {
  const chainIds = chainIdsOf(config.diffIds);
  return (config.buildSteps ?? []).flatMap(({ keys, createdAt, layer: index }) => {
    const [layer, chainId] = index === undefined ? [] : [layers[index], chainIds[index]];
    if (index !== undefined && (layer === undefined || chainId === undefined)) return [];
    return keys.map((key) => ({
      key,
      description: "",
      ...(layer === undefined || chainId === undefined ? {} : { layer, chainId }),
      createdAt,
      lastUsedAt: createdAt,
      usageCount: 0,
    }));
  });
}
