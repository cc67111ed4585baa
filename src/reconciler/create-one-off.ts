import { type OneOffOptions, oneOffOf } from "../planner/index.ts";
import { type ContainerRuntime, type ContainerSpec, RuntimeError } from "../runtime/index.ts";
import type { Stack } from "../spec/index.ts";
import { createContainer } from "./create-container.ts";
import { writeFiles } from "./write-files.ts";

/**
 * Creates the container of a `run` or a hook, its configs and secrets written, not started. Rejects with `invalid`
 * where the service cannot be honoured, naming the place. Resolves with what the engine warns of, too.
 */
export async function createOneOff(
  runtime: ContainerRuntime,
  stack: Stack,
  run: OneOffOptions & { readonly service: string },
  change: (spec: ContainerSpec) => ContainerSpec = (spec) => spec,
): Promise<{ readonly name: string; readonly warnings: readonly string[] }> {
  const draft = oneOffOf(stack, run.service, run);
  const [problem] = draft.problems;
  if (problem !== undefined) {
    throw new RuntimeError(
      "invalid",
      `${problem.path === undefined ? "" : `${problem.path}: `}${problem.message}`,
    );
  }
  const { name, spec, joins, files, filesDigest } = draft;
  const step = {
    container: { name, service: run.service },
    reason: { cause: "asked" },
    after: [],
  } as const;
  const warnings = await createContainer(
    runtime,
    {
      ...step,
      id: `container/${name}:create`,
      do: "create-container",
      number: 1,
      spec: change(spec),
      ...(joins !== undefined && { joins }),
      ...(filesDigest !== undefined && { filesDigest }),
    },
    { imageIds: new Map() },
  );
  if (files.length > 0) {
    await writeFiles(
      runtime,
      { ...step, id: `container/${name}:write-files`, do: "write-files", files },
      stack,
    );
  }
  return { name, warnings };
}
