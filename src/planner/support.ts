/** What becomes of an attribute that does not simply take effect. */
export interface SupportRow {
  /** In the schema: `services.*.volumes[].type`. Everything below it is meant too. */
  readonly path: string;
  /**
   * `refused`: a problem, nothing is done. `ignored`: a hazard says that it has no effect. `kept`: told to people
   * and other tools by its nature, with nothing to be done. `differs`: it takes effect, in another way than elsewhere.
   */
  readonly effect: "refused" | "ignored" | "kept" | "differs";
  readonly why: string;
  /** The values that this is about, or what they stand in; absent: all but those that say nothing (empty, 0, false). */
  readonly when?: (value: unknown, parent: unknown) => boolean;
  /** The same in words. */
  readonly values?: string;
}

const windows = "only Windows containers have it";
const cluster = "only a cluster has it";
const attestations = "attestations belong to images that are pushed by BuildKit";

/** What a stack may declare and no runtime of this port makes true. Nothing is ignored silently. */
export const SUPPORT: readonly SupportRow[] = [
  refuse("services.*.provider", "providers are not run yet"),
  refuse("services.*.models", "models are not served yet"),
  refuse("services.*.use_api_socket", "mount the engine's socket as a volume instead"),
  refuse("services.*.credential_spec", windows),
  refuse("services.*.volumes[].type", windows, is("npipe")),
  refuse("services.*.volumes[].type", cluster, is("cluster")),
  refuse(
    "services.*.volumes[].bind.propagation",
    "it is one of private, rprivate, shared, rshared, slave and rslave",
    isNot("private", "rprivate", "shared", "rshared", "slave", "rslave"),
  ),
  refuse("services.*.deploy.mode", "services run for ever; a job is one that others wait for to complete", {
    when: (value) => value === "replicated-job" || value === "global-job",
    values: "`replicated-job`, `global-job`",
  }),
  ignore("services.*.isolation", windows, isNot("default")),
  ignore("services.*.cpu_count", windows),
  ignore("services.*.cpu_percent", windows),
  ignore(
    "services.*.volumes[].consistency",
    "only Docker Desktop has it",
    isNot("consistent", "default", "delegated", "cached"),
  ),
  kept(
    "services.*.volumes[].consistency",
    "a hint for virtual machines; here files are always consistent",
    is("consistent", "default", "delegated", "cached"),
  ),
  ignore("services.*.volumes[].bind.selinux", "SELinux labels are not set"),
  differs("services.*.deploy.mode", "one container: there is one machine", is("global")),
  ignore("services.*.deploy.placement", cluster),
  ignore(
    "services.*.deploy.endpoint_mode",
    "a service's name leads to its containers' addresses, it has none of its own",
    isNot("dnsrr"),
  ),
  differs("services.*.deploy.endpoint_mode", "names always lead to the containers' addresses", is("dnsrr")),
  ignore("services.*.deploy.labels", "containers have `labels`; these are a cluster service's"),
  ignore("services.*.deploy.resources.reservations.cpus", cluster),
  ignore("services.*.deploy.resources.reservations.generic_resources", cluster),
  ignore("services.*.deploy.restart_policy.max_attempts", "attempts are counted for failures alone", {
    when: (_value, policy) => isObject(policy) && policy["condition"] !== "on-failure",
    values: "with another `condition` than `on-failure`",
  }),
  ignore("services.*.deploy.restart_policy.delay", "restarts wait 100 ms, doubling up to a minute"),
  ignore("services.*.deploy.restart_policy.window", "a container that ran for 10 s has been restarted well"),
  differs(
    "services.*.deploy.update_config.parallelism",
    "so many containers of a service are replaced at a time: the next one's stops when an earlier one has started, and is healthy if it has a health check; 0 or absent: all at once",
  ),
  ignore("services.*.deploy.update_config.delay", "the next container is replaced without a pause"),
  ignore(
    "services.*.deploy.update_config.failure_action",
    "a container that does not start or become healthy ends the update; the daemon goes on with the rest later",
  ),
  ignore("services.*.deploy.update_config.monitor", "a container that has started, and is healthy, is done"),
  ignore("services.*.deploy.update_config.max_failure_ratio", "the first failure ends the update"),
  ignore(
    "services.*.deploy.update_config.order",
    "the old container is stopped before the new one starts",
    isNot("stop-first"),
  ),
  ignore("services.*.deploy.rollback_config", "there is no automatic rollback yet"),
  kept("services.*.ports[].name", "a name for people and other tools"),
  kept("services.*.ports[].app_protocol", "a hint for other tools"),
  kept("services.*.ports[].mode", "there is one machine: `ingress` and `host` are the same"),
  ignore("services.*.build.secrets[].uid", "the Dockerfile's `RUN --mount` says the owner"),
  ignore("services.*.build.secrets[].gid", "the Dockerfile's `RUN --mount` says the group"),
  ignore("services.*.build.secrets[].mode", "the Dockerfile's `RUN --mount` says the mode"),
  ignore("services.*.build.cache_to", "an image can carry its cache, which is not kept anywhere else", {
    when: (value) => Array.isArray(value) && value.some((one) => one !== "type=inline"),
    values: "all but `type=inline`",
  }),
  ignore("services.*.build.provenance", attestations, isNot("false")),
  ignore("services.*.build.sbom", attestations, isNot("false")),
  ignore("services.*.build.isolation", windows, isNot("default")),
  ignore("services.*.build.platforms", "an image is built for one platform, the first", {
    when: (value) => Array.isArray(value) && value.length > 1,
    values: "more than one",
  }),
  refuse("services.*.build.privileged", "build steps have the default privileges"),
  refuse("services.*.build.entitlements", "build steps have the default privileges"),
  refuse(
    "services.*.build.additional_contexts",
    "a folder, an address, docker-image:// or service: can be one",
    {
      when: (value) =>
        isObject(value) && Object.values(value).some((one) => /^(oci-layout|target):/.test(String(one))),
      values: "`oci-layout://`, `target:`",
    },
  ),
  ...(["configs", "secrets"] as const).flatMap((section): readonly SupportRow[] => [
    refuse(`${section}.*.external`, "only a cluster keeps them; name a file, content or environment"),
    refuse(`${section}.*.template_driver`, "the content is taken as it is"),
    ignore(`${section}.*.labels`, "it is a file in a container, which has no labels"),
    kept(`${section}.*.name`, "the name of an external one; a file in a container has its target's"),
  ]),
  refuse("secrets.*.driver", "only a cluster keeps them; name a file or environment"),
  ignore("secrets.*.driver_opts", "there is no driver"),
  refuse("models", "no service may use one yet"),
];

type Condition = Pick<SupportRow, "when" | "values">;

function refuse(path: string, why: string, condition: Condition = {}): SupportRow {
  return { path, effect: "refused", why, ...condition };
}

function ignore(path: string, why: string, condition: Condition = {}): SupportRow {
  return { path, effect: "ignored", why, ...condition };
}

function kept(path: string, why: string, condition: Condition = {}): SupportRow {
  return { path, effect: "kept", why, ...condition };
}

function differs(path: string, why: string, condition: Condition = {}): SupportRow {
  return { path, effect: "differs", why, ...condition };
}

function is(...words: readonly string[]): Condition {
  return { when: (value) => words.includes(String(value)), values: quoted(words) };
}

function isNot(...words: readonly string[]): Condition {
  return {
    when: (value) => value !== "" && !words.includes(String(value)),
    values: `other than ${quoted(words)}`,
  };
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(", ");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
