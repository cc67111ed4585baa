import { millisecondsOf, type Service } from "../spec/index.ts";
import { imageOf } from "./names.ts";
import type { BuildStep, ImagesReadyStep, PullStep } from "./plan.ts";
import { because, type Planning } from "./planning.ts";
import type { UpOptions } from "./requests.ts";
import { unsupportedBuild } from "./unsupported.ts";

export interface ImageChoice {
  /** Services whose image must be there. */
  readonly services: readonly string[];
  readonly options: Pick<UpOptions, "pull" | "build" | "isHold">;
  /** Pulls and builds are done: what is here is what is used. */
  readonly areReady: boolean;
  /** Nothing waits for an image but the services that are made from it. */
  readonly isEachAlone: boolean;
}

export interface ImageSteps {
  /** What every other change waits for, so that a missing image changes nothing. */
  readonly gate: readonly string[];
  /** What a service's containers wait for besides. */
  readonly ofService: ReadonlyMap<string, readonly string[]>;
}

/** Pulls and builds by policy. */
export function planImages(planning: Planning, choice: ImageChoice): ImageSteps {
  const { stack, steps } = planning;
  const byImage = new Map<string, string[]>();
  for (const name of choice.services) {
    const service = stack.services[name];
    if (service === undefined || service.provider !== undefined) continue;
    const image = imageOf(stack, name, service);
    byImage.set(image, [...(byImage.get(image) ?? []), name]);
  }
  const builds = new Map<string, string>();
  const found = new Map<string, readonly string[]>();
  const handle = (image: string, names: readonly string[]): void => {
    if (found.has(image)) return;
    found.set(image, []);
    const added = planImage(planning, { image, names, choice, builds, need });
    found.set(image, added);
    // While nobody asks, no container is replaced for its image.
    if (added.length === 0 || choice.options.isHold === true) return;
    const isForExisting = names.some((name) => (planning.byService.get(name)?.length ?? 0) > 0);
    if (isForExisting) planning.refreshes.push(image);
  };
  /** What a build starts from comes first, be it of a service that nobody asked for. */
  const need = (name: string): void => {
    const service = stack.services[name];
    if (service === undefined) return;
    const image = imageOf(stack, name, service);
    handle(image, byImage.get(image) ?? [name]);
  };
  for (const [image, names] of byImage) handle(image, names);
  for (const name of choice.services) {
    for (const image of mountedImages(stack.services[name]))
      if (!found.has(image)) found.set(image, planMounted(planning, { image, name, choice }));
  }
  if (choice.isEachAlone) return { gate: [], ofService: stepsByService(planning, choice, found) };
  const after = [...found.values()].flat();
  const reason = because("all images are here");
  const gate =
    after.length < 2
      ? after
      : [steps.add<ImagesReadyStep>({ id: "images:ready", do: "images-ready", reason, after })];
  return { gate, ofService: new Map() };
}

function stepsByService(
  { stack }: Planning,
  { services }: ImageChoice,
  byImage: ReadonlyMap<string, readonly string[]>,
): ImageSteps["ofService"] {
  return new Map(
    services.map((name) => {
      const service = stack.services[name];
      const own = service === undefined ? [] : [imageOf(stack, name, service)];
      return [name, [...own, ...mountedImages(service)].flatMap((image) => byImage.get(image) ?? [])];
    }),
  );
}

/** Images that a service mounts. */
export function mountedImages(service: Service | undefined): readonly string[] {
  return (service?.volumes ?? []).flatMap(({ type, source }) =>
    type === "image" && source !== undefined ? [source] : [],
  );
}

/** As Compose does: what is only mounted is pulled when it is missing. */
function planMounted(
  planning: Planning,
  { image, name, choice }: { readonly image: string; readonly name: string; readonly choice: ImageChoice },
): readonly string[] {
  const service = planning.stack.services[name];
  const isWanted = service !== undefined && !choice.areReady && policyOf(service, choice) !== "never";
  if (!isWanted || planning.observed.images[image] !== undefined) return [];
  return [addPull(planning, { image, names: [name] }, service, "missing")];
}

interface OneImage {
  readonly image: string;
  readonly names: readonly string[];
  readonly choice: ImageChoice;
  /** Service -> its build step. */
  readonly builds: Map<string, string>;
  readonly need: (serviceName: string) => void;
}

function planImage(planning: Planning, one: OneImage): readonly string[] {
  const { stack, observed } = planning;
  const { image, names, choice } = one;
  const here = observed.images[image];
  const builder = names.find((name) => stack.services[name]?.build !== undefined);
  const [first = ""] = names;
  const service = stack.services[builder ?? first];
  if (service === undefined) return [];
  const policy = policyOf(service, choice);
  if (choice.areReady) {
    if (here === undefined) missingImage(planning, first, image, policy);
    return [];
  }
  if (builder !== undefined)
    return planBuilt(planning, one, { builder, service, policy, isHere: here !== undefined });
  // What one of its services asks for is done for all of them.
  const policies = names.flatMap((name) => {
    const user = stack.services[name];
    return user === undefined ? [] : [policyOf(user, choice)];
  });
  const pulling = policies.filter((each) => each !== "never" && each !== "build");
  if (pulling.length === 0) {
    if (here === undefined) missingImage(planning, first, image, policy);
    return [];
  }
  const [cause] = pulling.flatMap((each) => pullCause(planning, each, here) ?? []);
  return cause === undefined ? [] : [addPull(planning, one, service, cause)];
}

function planBuilt(
  planning: Planning,
  one: OneImage,
  how: {
    readonly builder: string;
    readonly service: Service;
    readonly policy: string;
    readonly isHere: boolean;
  },
): readonly string[] {
  const { builder, service, policy, isHere } = how;
  const { build = "missing", isHold = false } = one.choice.options;
  const isForced = !isHold && (build === "always" || (policy === "build" && build !== "never"));
  if (isForced) return [addBuild(planning, one, builder, isHere ? "asked" : "missing")];
  const cause = pullCause(planning, policy, planning.observed.images[one.image]);
  const canPull = service.image !== undefined && policy !== "never" && policy !== "build";
  const pulls =
    canPull && cause !== undefined ? [addPull(planning, one, service, cause, build !== "never")] : [];
  if (isHere || (build === "never" && canPull)) return pulls;
  if (build === "never") {
    planning.problems.push({
      kind: "missing-image",
      service: builder,
      path: `services.${builder}.build`,
      message: `image "${one.image}" is missing and may not be built`,
    });
    return [];
  }
  return [addBuild(planning, one, builder, "missing", pulls)];
}

function addPull(
  planning: Planning,
  { image, names }: Pick<OneImage, "image" | "names">,
  service: Service,
  cause: string,
  isOptional = false,
): string {
  return planning.steps.add<PullStep>({
    id: `image/${image}:pull`,
    do: "pull",
    image,
    ...(service.platform !== undefined && { platform: service.platform }),
    services: names,
    reason: because(cause),
    after: [],
    ...(isOptional && { isOptional }),
  });
}

function addBuild(
  planning: Planning,
  { image, builds, need }: OneImage,
  service: string,
  cause: string,
  pulls: readonly string[] = [],
): string {
  const others = buildsNeededBy(planning.stack.services[service]);
  for (const name of others) need(name);
  const needed = others.map((name) => builds.get(name));
  checkBuild(planning, service);
  const id = planning.steps.add<BuildStep>({
    id: `image/${image}:build`,
    do: "build",
    service,
    image,
    ...(pulls.length > 0 && { unlessPresent: true }),
    reason: because(cause),
    after: [...pulls, ...needed],
  });
  builds.set(service, id);
  return id;
}

/** What the build declares and cannot have. */
export function checkBuild({ stack, problems, hazards }: Planning, service: string): void {
  const found = unsupportedBuild(service, stack.services[service]);
  problems.push(...found.problems.map((problem) => ({ ...problem, service })));
  hazards.push(...found.hazards);
}

/** Services whose image a build starts from: `service:x` in its contexts. */
export function buildsNeededBy(service: Service | undefined): readonly string[] {
  const contexts = [
    service?.build?.context ?? "",
    ...Object.values(service?.build?.additional_contexts ?? {}),
  ];
  return contexts.filter((context) => context.startsWith("service:")).map((context) => context.slice(8));
}

function policyOf(service: Service, { options }: ImageChoice): string {
  const { pull_policy: policy = "missing", pull_refresh_after: age } = service;
  if (options.isHold === true) return policy === "never" ? "never" : "missing";
  if (options.pull !== undefined) return options.pull;
  if (policy === "refresh") return age === undefined ? "always" : `every_${age}`;
  return policy;
}

/** Why an image is pulled; undefined: it is not. */
function pullCause(
  planning: Planning,
  policy: string,
  here: Planning["observed"]["images"][string] | undefined,
): string | undefined {
  if (policy === "always") return here === undefined ? "missing" : "pull_policy: always";
  if (here === undefined) return "missing";
  const maxAgeMs = maxAgeOf(policy);
  if (maxAgeMs === undefined || here.lastTaggedAtMs === undefined) return undefined;
  return planning.observed.nowMs - here.lastTaggedAtMs > maxAgeMs
    ? `older than pull_policy: ${policy}`
    : undefined;
}

function maxAgeOf(policy: string): number | undefined {
  if (policy === "daily") return millisecondsOf("24h");
  if (policy === "weekly") return millisecondsOf("168h");
  return policy.startsWith("every_") ? millisecondsOf(policy.slice("every_".length)) : undefined;
}

function missingImage(planning: Planning, serviceName: string, image: string, policy: string): void {
  planning.problems.push({
    kind: "missing-image",
    service: serviceName,
    path: `services.${serviceName}.image`,
    message: `image "${image}" is not here and pull_policy is "${policy}"; pull, load or build it first`,
  });
}
