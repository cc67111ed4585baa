import { checkCycles } from "./check-cycles.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Origin, Path } from "./source-tree.ts";
import type { Service, Stack } from "./stack.ts";
import { didYouMean } from "./suggest.ts";

export interface CheckRun {
  readonly stack: Pick<Stack, "networks" | "volumes" | "configs" | "secrets" | "models">;
  readonly services: ReadonlyMap<string, Service>;
  readonly disabled: ReadonlyMap<string, Service>;
  readonly problems: ProblemList;
  readonly placeOf: (path: Path) => Origin | undefined;
  /** The key's place, where `placeOf` gives the value's. */
  readonly keyPlaceOf: (path: Path) => Origin | undefined;
  /** Reported before, so that its value is unknown. */
  readonly isBroken: (path: Path) => boolean;
}

type ServiceRule = (name: string, service: Service, run: CheckRun) => void;

function complain(run: CheckRun, rule: string, message: string, path: Path, hint?: string): void {
  run.problems.error(`check/${rule}`, message, { at: run.placeOf(path), path, hint });
}

const hasImage: ServiceRule = (name, service, run) => {
  if (service.image !== undefined || service.build !== undefined || service.provider !== undefined) return;
  const path = ["services", name];
  if (["image", "build", "provider"].some((key) => run.isBroken([...path, key]))) return;
  run.problems.error("check/no-image", `The service "${name}" has neither an image nor a build`, {
    at: run.keyPlaceOf(path),
    path,
  });
};

const oneDockerfile: ServiceRule = (name, { build }, run) => {
  if (build?.dockerfile === undefined || build.dockerfile_inline === undefined) return;
  const path = ["services", name, "build", "dockerfile_inline"];
  complain(run, "one-dockerfile", `The build of "${name}" has dockerfile and dockerfile_inline`, path);
};

const additionalContexts: ServiceRule = (name, { build }, run) => {
  for (const [context, source] of Object.entries(build?.additional_contexts ?? {})) {
    if (!source.startsWith("service:")) continue;
    const target = source.slice("service:".length);
    const path = ["services", name, "build", "additional_contexts", context];
    const service = run.services.get(target);
    if (service === undefined) {
      complain(
        run,
        "undefined-service",
        `The build context ${context} of "${name}" is of the service "${target}", which is not there`,
        path,
        meant(target, run.services.keys()),
      );
    } else if (service.build === undefined && !run.isBroken(["services", target, "build"])) {
      complain(
        run,
        "not-built",
        `The build context ${context} of "${name}" is of the service "${target}", which is not built`,
        path,
      );
    }
  }
};

const platforms: ServiceRule = (name, { build, platform }, run) => {
  if (platform === undefined || build?.platforms === undefined || build.platforms.includes(platform)) return;
  complain(
    run,
    "platform",
    `"${name}" is built for ${build.platforms.join(", ")}, not for its platform ${platform}`,
    ["services", name, "build", "platforms"],
  );
};

const networkMode: ServiceRule = (name, service, run) => {
  if (service.network_mode === undefined) return;
  if (Object.keys(service.networks ?? {}).length > 0) {
    run.problems.error("check/network-mode", `"${name}" has network_mode and networks, only one may be`, {
      at: run.keyPlaceOf(["services", name, "networks"]),
      path: ["services", name, "networks"],
    });
  }
  const target = serviceIn(service.network_mode);
  if (target === undefined || run.services.has(target)) return;
  const path = ["services", name, "network_mode"];
  complain(
    run,
    "undefined-service",
    `"${name}" uses the network of the service "${target}", which is not there`,
    path,
    meant(target, run.services.keys()),
  );
};

function serviceIn(mode: string): string | undefined {
  return mode.startsWith("service:") ? mode.slice("service:".length) : undefined;
}

function meant(word: string, names: Iterable<string>): string | undefined {
  return didYouMean(word, [...names]);
}

/** What a service may name, and where it does. */
const REFERENCES: readonly {
  readonly section: "networks" | "volumes" | "configs" | "secrets" | "models";
  readonly what: string;
  readonly named: (service: Service) => readonly (readonly [name: string, path: Path])[];
}[] = [
  {
    section: "networks",
    what: "network",
    named: (service) => Object.keys(service.networks ?? {}).map((name) => [name, ["networks", name]]),
  },
  {
    section: "volumes",
    what: "volume",
    named: (service) =>
      (service.volumes ?? []).flatMap(({ type, source }, index) =>
        type === "volume" && source !== undefined ? [[source, ["volumes", index, "source"]] as const] : [],
      ),
  },
  {
    section: "secrets",
    what: "build secret",
    named: (service) =>
      (service.build?.secrets ?? []).map(({ source = "" }, index) => [
        source,
        ["build", "secrets", index, "source"],
      ]),
  },
  {
    section: "configs",
    what: "config",
    named: (service) =>
      (service.configs ?? []).map(({ source = "" }, index) => [source, ["configs", index, "source"]]),
  },
  {
    section: "models",
    what: "model",
    named: (service) => Object.keys(service.models ?? {}).map((name) => [name, ["models", name]]),
  },
  {
    section: "secrets",
    what: "secret",
    named: (service) =>
      (service.secrets ?? []).map(({ source = "" }, index) => [source, ["secrets", index, "source"]]),
  },
];

const definedReferences: ServiceRule = (name, service, run) => {
  for (const { section, what, named } of REFERENCES) {
    const defined = run.stack[section];
    for (const [target, below] of named(service)) {
      if (Object.hasOwn(defined, target) || run.isBroken([section, target]) || run.isBroken([section]))
        continue;
      const path = ["services", name, ...below];
      if (run.isBroken(path)) continue;
      const isKey = section === "networks" || section === "models";
      run.problems.error(
        `check/undefined-${what.replace(" ", "-")}`,
        `"${name}" uses the ${what} "${target}", which is not declared`,
        {
          at: isKey ? run.keyPlaceOf(path) : run.placeOf(path),
          path,
          hint: meant(target, Object.keys(defined)) ?? `declare it at the top: ${section}: {${target}: {}}`,
        },
      );
    }
  }
};

const healthTest: ServiceRule = (name, { healthcheck }, run) => {
  const first = healthcheck?.test?.[0];
  if (first === undefined || ["CMD", "CMD-SHELL", "NONE"].includes(first)) return;
  const path = ["services", name, "healthcheck", "test"];
  complain(
    run,
    "health-test",
    `The health test of "${name}" must begin with CMD, CMD-SHELL or NONE`,
    path,
    "a plain text is run by a shell",
  );
};

const definedDependencies: ServiceRule = (name, service, run) => {
  for (const [target, { required }] of Object.entries(service.depends_on ?? {})) {
    if (run.services.has(target)) continue;
    const disabled = run.disabled.get(target);
    if (disabled !== undefined && !required) continue;
    if (run.isBroken(["services", target]) || run.isBroken(["services"])) continue;
    const path = ["services", name, "depends_on", target];
    run.problems.error(
      "check/undefined-dependency",
      disabled === undefined
        ? `"${name}" depends on the service "${target}", which is not declared`
        : `"${name}" depends on the service "${target}", which no active profile has`,
      {
        at: run.keyPlaceOf(path),
        path,
        hint:
          disabled === undefined
            ? meant(target, run.services.keys())
            : `activate it with --profile ${disabled.profiles?.[0]}, or say required: false`,
      },
    );
  }
};

const scale: ServiceRule = (name, service, run) => {
  const replicas = service.deploy?.replicas;
  const path = ["services", name];
  if (service.scale !== undefined && replicas !== undefined && service.scale !== replicas) {
    complain(run, "distinct-values", `"${name}" has scale ${service.scale} and deploy.replicas ${replicas}`, [
      ...path,
      "scale",
    ]);
  }
  if ((service.scale ?? 0) < 0)
    complain(run, "scale", `The scale of "${name}" must be 0 or more`, [...path, "scale"]);
  if ((replicas ?? 0) < 0) {
    complain(run, "scale", `The replicas of "${name}" must be 0 or more`, [...path, "deploy", "replicas"]);
  }
  if ((service.scale ?? replicas ?? 1) > 1 && service.container_name !== undefined) {
    complain(run, "container-name", `"${name}" has a container_name, so only one container of it can be`, [
      ...path,
      "container_name",
    ]);
  }
};

const sameLimits: ServiceRule = (name, service, run) => {
  const { limits, reservations } = service.deploy?.resources ?? {};
  const pairs = [
    ["cpus", service.cpus, limits, limits?.cpus, "limits.cpus"],
    ["mem_limit", service.mem_limit, limits, limits?.memory, "limits.memory"],
    ["mem_reservation", service.mem_reservation, reservations, reservations?.memory, "reservations.memory"],
    ["pids_limit", service.pids_limit, limits, limits?.pids, "limits.pids"],
  ] as const;
  for (const [key, value, group, other, otherKey] of pairs) {
    if (value === undefined || group === undefined || value === other) continue;
    if (run.isBroken(["services", name, "deploy", "resources", ...otherKey.split(".")])) continue;
    const shown = other === undefined ? "none" : String(other);
    complain(
      run,
      "distinct-values",
      `"${name}" has ${key} ${value} and deploy.resources.${otherKey} ${shown}`,
      ["services", name, key],
    );
  }
};

const watchTargets: ServiceRule = (name, { develop }, run) => {
  develop?.watch?.forEach(({ target, action }, index) => {
    if (target !== undefined || action === "rebuild" || action === "restart") return;
    const path = ["services", name, "develop", "watch", index];
    if (run.isBroken([...path, "action"])) return;
    complain(run, "watch-target", `${action ?? "The rule"} needs a target`, path);
  });
};

const oneMountATarget: ServiceRule = (name, service, run) => {
  const seen = new Map<string, Path>();
  const check = (target: string, path: Path) => {
    const first = seen.get(target);
    if (first === undefined) {
      seen.set(target, path);
      return;
    }
    const at = run.placeOf(first);
    run.problems.error("check/mount-target", `"${name}" mounts two things at ${target}`, {
      at: run.placeOf(path),
      path,
      related: at === undefined ? [] : [{ at, message: "the other" }],
    });
  };
  service.tmpfs?.forEach((mount, index) => {
    check(mount.split(":")[0] ?? "", ["services", name, "tmpfs", index]);
  });
  service.volumes?.forEach(({ target }, index) => {
    if (target !== undefined) check(target, ["services", name, "volumes", index]);
  });
};

const SERVICE_RULES: readonly ServiceRule[] = [
  hasImage,
  oneDockerfile,
  additionalContexts,
  platforms,
  networkMode,
  definedReferences,
  healthTest,
  definedDependencies,
  scale,
  sameLimits,
  watchTargets,
  oneMountATarget,
];

function secretSources(run: CheckRun): void {
  for (const [name, secret] of Object.entries(run.stack.secrets)) {
    if (secret.external || run.problems.hasErrorAt(["secrets", name])) continue;
    if (secret.file !== undefined || secret.environment !== undefined) continue;
    const path = ["secrets", name];
    if (["file", "environment", "external"].some((key) => run.isBroken([...path, key]))) continue;
    run.problems.error("check/secret-source", `The secret "${name}" needs file or environment`, {
      at: run.keyPlaceOf(path),
      path,
    });
  }
}

function containerNames(run: CheckRun): void {
  const seen = new Map<string, string>();
  for (const [name, { container_name: container }] of run.services) {
    if (container === undefined) continue;
    const first = seen.get(container);
    if (first === undefined) {
      seen.set(container, name);
      continue;
    }
    const at = run.placeOf(["services", first, "container_name"]);
    run.problems.error(
      "check/container-name",
      `"${name}" and "${first}" have the same container_name ${container}`,
      {
        at: run.placeOf(["services", name, "container_name"]),
        path: ["services", name, "container_name"],
        related: at === undefined ? [] : [{ at, message: "the other" }],
      },
    );
  }
}

/** What must hold between attributes, services and resources (compose-go 2.9.1, checkConsistency). */
export function checkConsistency(run: CheckRun): void {
  for (const [name, service] of run.services) for (const rule of SERVICE_RULES) rule(name, service, run);
  secretSources(run);
  containerNames(run);
  checkCycles(run);
}
