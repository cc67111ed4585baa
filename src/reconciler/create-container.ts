import { readOrdinaryFile } from "../lib/bounded-file.ts";
import { type CreateContainerStep, completeSpec } from "../planner/index.ts";
import type { ContainerRuntime, ContainerSpec } from "../runtime/index.ts";

/** What one pass has looked up already. */
export interface Lookups {
  readonly imageIds: Map<string, Promise<string>>;
}

/**
 * Creates a step's container, with the ids that are known only now put into its spec. Resolves to what the engine warns
 * of: parts of the spec that this machine cannot give.
 */
export async function createContainer(
  runtime: ContainerRuntime,
  step: CreateContainerStep,
  lookups: Lookups,
): Promise<readonly string[]> {
  const imageId = await imageIdOf(runtime, step.spec.image, lookups);
  const joined = await Promise.all(
    Object.entries(step.joins?.containerNames ?? {}).map(async ([service, name]) => {
      const { id } = await runtime.containers.inspect(name);
      return [service, id] as const;
    }),
  );
  const spec = completeSpec(step, { imageId, joinedIds: Object.fromEntries(joined) });
  const { warnings } = await runtime.containers.create(await withProfiles(spec), {
    name: step.container.name,
  });
  return warnings;
}

function imageIdOf(runtime: ContainerRuntime, image: string, { imageIds }: Lookups): Promise<string> {
  const known = imageIds.get(image);
  if (known !== undefined) return known;
  const asked = runtime.images.inspect(image).then(({ id }) => id);
  imageIds.set(image, asked);
  return asked;
}

/** Docker's own takes a tenth of it. */
const MAX_PROFILE_BYTES = 1 << 20;

async function profileText(path: string): Promise<string> {
  return (await readOrdinaryFile(path, MAX_PROFILE_BYTES)).toString("utf8");
}

/** Engines take a seccomp profile's text, not its path. */
async function withProfiles(spec: ContainerSpec): Promise<ContainerSpec> {
  const { securityOptions } = spec;
  if (securityOptions === undefined) return spec;
  const read = securityOptions.map(async (option) => {
    const path = /^seccomp=(\/.+)$/.exec(option)?.[1];
    return path === undefined ? option : `seccomp=${JSON.stringify(JSON.parse(await profileText(path)))}`;
  });
  return { ...spec, securityOptions: await Promise.all(read) };
}
