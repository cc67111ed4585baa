import { readOrdinaryFile } from "../lib/bounded-file.ts";
import { type BuildStep, imageOf, ulimitsOf } from "../planner/index.ts";
import { type BuildOptions, type ContainerRuntime, hasKind } from "../runtime/index.ts";
import { type Build, bytesOf, type Service, type Stack } from "../spec/index.ts";
import type { ProgressEvent } from "./progress.ts";
import type { Edge } from "./reconcile.ts";
import { StepError } from "./step-error.ts";

export interface BuildContext {
  readonly runtime: ContainerRuntime;
  readonly stack: Stack;
  readonly edge: Edge;
  readonly signal: AbortSignal;
  readonly emit: (event: ProgressEvent) => void;
}

/** Builds a service's image as its `build` says. */
export async function buildImage(step: BuildStep, context: BuildContext): Promise<void> {
  const { runtime, stack, edge, signal, emit } = context;
  if (step.unlessPresent === true && (await isHere(runtime, step.image))) return;
  const service = stack.services[step.service];
  const build = service?.build;
  if (service === undefined || build === undefined)
    throw new StepError(`Cannot build image "${step.image}": service "${step.service}" has no build`);
  if (edge.buildContext === undefined)
    throw new StepError(`Cannot build image "${step.image}": no build context can be read here`);
  refuseMissingAgents(build);
  const { service: name, id: stepId } = step;
  await runtime.images.build({
    ...buildOptionsOf(build, service),
    ...(await edge.buildContext(build, service)),
    ...(await namedContextsOf(build, service, context)),
    tags: [step.image, ...(build.tags ?? [])],
    labels: {
      ...build.labels,
      "com.docker.compose.project": stack.name,
      "com.docker.compose.service": name,
      "com.docker.compose.version": "2.40.3",
    },
    secrets: await secretsOf(build, stack),
    signal,
    onOutput: (text, from) =>
      emit({
        kind: "build-output",
        service: name,
        stepId,
        stream: from === "excerpt" ? "stdout" : from,
        text,
      }),
    onStep: (progress) => emit({ kind: "build-step", service: name, stepId, step: progress }),
  });
}

async function isHere(runtime: ContainerRuntime, image: string): Promise<boolean> {
  try {
    await runtime.images.inspect(image);
    return true;
  } catch (error) {
    if (hasKind(error, "not-found")) return false;
    throw error;
  }
}

/** What a build's declaration says to the runtime, without what has to be read for it. */
export function buildOptionsOf(build: Build, service: Service): Omit<BuildOptions, "context"> {
  const platform = service.platform ?? build.platforms?.[0];
  const args = Object.entries(build.args ?? {}).flatMap(([key, value]) =>
    value === null ? [] : [[key, value]],
  );
  const sockets = (build.ssh ?? []).flatMap(({ id, path }) => (path === undefined ? [] : [[id, path]]));
  return {
    ...(build.dockerfile !== undefined && { dockerfile: build.dockerfile }),
    ...(build.dockerfile_inline !== undefined && { dockerfileText: build.dockerfile_inline }),
    ...(build.target !== undefined && { target: build.target }),
    ...(args.length > 0 && { buildArgs: Object.fromEntries(args) }),
    ...(platform !== undefined && { platform }),
    ...(build.no_cache === true && { noCache: true }),
    ...(build.pull === true && { pull: true }),
    ...(build.cache_from !== undefined && { cacheFrom: build.cache_from }),
    ...(build.cache_to !== undefined && { cacheTo: build.cache_to }),
    ...(build.network !== undefined && { networkMode: build.network }),
    ...(build.extra_hosts !== undefined && {
      extraHosts: build.extra_hosts.map((host) => host.replace("=", ":")),
    }),
    ...(sockets.length > 0 && { sshSockets: Object.fromEntries(sockets) }),
    ...(build.shm_size !== undefined && { shmSizeBytes: bytesOf(build.shm_size) }),
    ...(build.ulimits !== undefined && { ulimits: ulimitsOf(build.ulimits) }),
  };
}

/** `additional_contexts`: images by reference, `service:x` by the image that was built for x before, folders and addresses read. */
async function namedContextsOf(
  build: Build,
  service: Service,
  { stack, edge }: BuildContext,
): Promise<Pick<BuildOptions, "namedContexts">> {
  const named: Record<string, BuildOptions["context"] | string> = {};
  for (const [key, value] of Object.entries(build.additional_contexts ?? {})) {
    const image = /^docker-image:(?:\/\/)?(.+)$/.exec(value)?.[1];
    const other = /^service:(.+)$/.exec(value)?.[1];
    if (image !== undefined) named[key] = image;
    else if (other !== undefined) named[key] = imageOf(stack, other, stack.services[other] ?? {});
    else if (edge.buildContext !== undefined)
      named[key] = (await edge.buildContext({ context: value }, service)).context;
  }
  return Object.keys(named).length === 0 ? {} : { namedContexts: named };
}

/** `default` has been given a path by who knows the user's environment, if that names an agent. */
function refuseMissingAgents({ ssh = [] }: Build): void {
  const missing = ssh.find(({ path }) => path === undefined);
  if (missing !== undefined)
    throw new StepError(`Cannot forward SSH agent "${missing.id}": SSH_AUTH_SOCK does not name one`);
}

/** As BuildKit takes them. */
const MAX_SECRET_BYTES = 500 * 1024;

async function secretsOf(build: Build, stack: Stack): Promise<Readonly<Record<string, Uint8Array>>> {
  const found: Record<string, Uint8Array> = {};
  for (const { source = "", target = source } of build.secrets ?? []) {
    const secret = stack.secrets[source];
    if (secret?.content !== undefined) found[target] = Buffer.from(secret.content);
    else if (secret?.file !== undefined)
      found[target] = await readOrdinaryFile(secret.file, MAX_SECRET_BYTES);
    else throw new StepError(`Cannot build: secret "${source}" has neither a file nor content`);
  }
  return found;
}
