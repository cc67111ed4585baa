import type { Desired } from "./desired.ts";
import { imageOf } from "./names.ts";
import type { Observed } from "./observed.ts";
import type { BuildStep, Plan, PullStep } from "./plan.ts";
import { buildsNeededBy, checkBuild } from "./plan-images.ts";
import { because, finishPlan, startPlanning } from "./planning.ts";
import type { PullRequestOptions, ServiceChoice } from "./requests.ts";
import { type Scope, scopeOf } from "./scope.ts";

/** `pull`: one pull an image. */
export function planPull(desired: Desired, observed: Observed, options: PullRequestOptions): Plan {
  const planning = startPlanning(desired, observed);
  const { stack, steps } = planning;
  const scope = scopeOf(stack, { ...options, noDeps: options.includeDependencies !== true });
  noteUnknown(planning, scope);
  const seen = new Map<string, string[]>();
  for (const name of scope.ordered) {
    const service = stack.services[name];
    if (service?.image === undefined) continue;
    if (options.ignoreBuildable === true && service.build !== undefined) continue;
    if (service.pull_policy === "never" || service.pull_policy === "build") continue;
    seen.set(service.image, [...(seen.get(service.image) ?? []), name]);
  }
  for (const [image, names] of seen) {
    const isHere = observed.images[image] !== undefined;
    const services = names.map((name) => stack.services[name]);
    const policy = options.policy ?? "always";
    if (isHere && (policy === "missing" || services.every((one) => one?.pull_policy === "missing"))) continue;
    const platform = services[0]?.platform;
    const isOptional = options.ignoreFailures === true || services.some((one) => one?.build !== undefined);
    steps.add<PullStep>({
      id: `image/${image}:pull`,
      do: "pull",
      image,
      ...(platform !== undefined && { platform }),
      services: names,
      reason: because(isHere ? "asked" : "missing"),
      after: [],
      ...(isOptional && { isOptional }),
    });
  }
  return finishPlan(planning);
}

/** `build`: everything that can be built, what a build starts from first. */
export function planBuild(
  desired: Desired,
  observed: Observed,
  options: ServiceChoice & { readonly withDependencies?: boolean },
): Plan {
  const planning = startPlanning(desired, observed);
  const { stack, steps } = planning;
  const scope = scopeOf(stack, { ...options, noDeps: options.withDependencies !== true });
  noteUnknown(planning, scope);
  const ids = new Map<string, string>();
  const add = (name: string): void => {
    const service = stack.services[name];
    if (service?.build === undefined || ids.has(name)) return;
    ids.set(name, "");
    for (const needed of buildsNeededBy(service)) add(needed);
    checkBuild(planning, name);
    const image = imageOf(stack, name, service);
    const id = `image/${image}:build`;
    if (!steps.has(id))
      steps.add<BuildStep>({
        id,
        do: "build",
        service: name,
        image,
        reason: because("asked"),
        after: buildsNeededBy(service).map((needed) => ids.get(needed) || undefined),
      });
    ids.set(name, id);
  };
  for (const name of scope.ordered) add(name);
  return finishPlan(planning);
}

function noteUnknown({ problems }: ReturnType<typeof startPlanning>, { unknown }: Scope): void {
  for (const name of unknown) problems.push({ kind: "unknown-service", message: `no such service: ${name}` });
}
