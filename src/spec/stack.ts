/**
 * What one Compose project declares, in the Compose normal form: the long forms and the snake_case keys that
 * `docker compose config --format json` prints, absent where that prints nothing. Plain data, so that it can be
 * stored, hashed and compared; no trace of YAML. Empty lists, empty strings, zeros and `false` are absent
 * unless a comment says that they mean something.
 */
export interface Stack extends Extensions {
  readonly name: string;
  /** The enabled services: all that have no profile, or an active one. */
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, Network>>;
  readonly volumes: Readonly<Record<string, Volume>>;
  readonly configs: Readonly<Record<string, FileObject>>;
  readonly secrets: Readonly<Record<string, FileObject>>;
  readonly models: Readonly<Record<string, Model>>;

  /** Absolute; relative paths in the files were resolved against it. */
  readonly workingDir: string;
  /** Absolute, in the order of merging; `-` for what came from stdin. */
  readonly configFiles: readonly string[];
  /** The `--env-file`s (absolute). Empty when only the default `.env` was read, as Compose labels it. */
  readonly envFiles: readonly string[];
  /** The active profiles. */
  readonly profiles: readonly string[];
  /** Services that no active profile selects. Their env files are not read and their references not checked. */
  readonly disabled: Readonly<Record<string, Service>>;
  /** Between the parts of containers' and images' names; absent: `-`. `_` with `--compatibility`. */
  readonly nameSeparator?: "_";
}

export interface Extensions {
  readonly [key: `x-${string}`]: unknown;
}

/** A size as the decimal number of bytes, e.g. "67108864"; `bytesOf` gives the number. "-1" means no limit. */
export type ByteSize = string;

/** A duration as Go prints it, e.g. "1m30s"; `millisecondsOf` gives the number. */
export type Duration = string;

/** Nothing comes without a default here: an absent field means that the engine (or image) decides. */
export interface Service extends Extensions {
  readonly profiles?: readonly string[];
  readonly annotations?: StringMap;
  readonly attach?: boolean;
  readonly build?: Build;
  readonly develop?: Develop;
  readonly blkio_config?: BlkioConfig;
  readonly cap_add?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly cgroup_parent?: string;
  readonly cgroup?: string;
  readonly cpu_count?: number;
  readonly cpu_percent?: number;
  readonly cpu_period?: number;
  readonly cpu_quota?: number;
  readonly cpu_rt_period?: number;
  readonly cpu_rt_runtime?: number;
  /** A number of CPUs, 1.5 for example. */
  readonly cpus?: number;
  readonly cpuset?: string;
  readonly cpu_shares?: number;
  /** Absent: the image's. Empty: none, the image's is cleared. */
  readonly command?: readonly string[];
  readonly configs?: readonly FileReference[];
  readonly container_name?: string;
  readonly credential_spec?: CredentialSpec;
  readonly depends_on?: Readonly<Record<string, Dependency>>;
  readonly deploy?: Deploy;
  readonly device_cgroup_rules?: readonly string[];
  readonly devices?: readonly DeviceMapping[];
  readonly dns?: readonly string[];
  readonly dns_opt?: readonly string[];
  readonly dns_search?: readonly string[];
  readonly domainname?: string;
  /** Absent: the image's. Empty: none, the image's is cleared. */
  readonly entrypoint?: readonly string[];
  readonly provider?: Provider;
  /** `env_file`s are folded in. `null`: named without a value that anybody gave, so unset it in the container. */
  readonly environment?: NullableStringMap;
  /** Only where env files are not resolved (disabled services, `--no-env-resolution`). */
  readonly env_file?: readonly EnvFile[];
  /** Ports or ranges, "80", "82-84", "53/udp". */
  readonly expose?: readonly string[];
  /** "host=address" in order of text; one host may come more than once. */
  readonly extra_hosts?: readonly string[];
  readonly external_links?: readonly string[];
  readonly group_add?: readonly string[];
  readonly gpus?: readonly DeviceRequest[];
  readonly hostname?: string;
  readonly healthcheck?: Healthcheck;
  readonly image?: string;
  readonly init?: boolean;
  readonly ipc?: string;
  readonly isolation?: string;
  readonly labels?: StringMap;
  /** Only where label files are not resolved (disabled services). */
  readonly label_file?: readonly string[];
  /** "service" or "service:alias". The dependency is in `depends_on` too. */
  readonly links?: readonly string[];
  readonly logging?: Logging;
  readonly mem_limit?: ByteSize;
  readonly mem_reservation?: ByteSize;
  /** Memory and swap together; "-1" for no limit. */
  readonly memswap_limit?: ByteSize;
  /** 0 to 100, as text. */
  readonly mem_swappiness?: ByteSize;
  readonly mac_address?: string;
  readonly models?: Readonly<Record<string, ServiceModel | null>>;
  /** "none", "host", "bridge", "service:NAME", "container:ID"; then `networks` is absent. */
  readonly network_mode?: string;
  /** `{default: null}` when nothing was said and the service is attached to networks at all. */
  readonly networks?: Readonly<Record<string, ServiceNetwork | null>>;
  readonly oom_kill_disable?: boolean;
  readonly oom_score_adj?: number;
  readonly pid?: string;
  readonly pids_limit?: number;
  readonly platform?: string;
  /** In the order of declaration. */
  readonly ports?: readonly Port[];
  readonly privileged?: boolean;
  /** always, never, build, missing, refresh, daily, weekly or every_<duration>. */
  readonly pull_policy?: string;
  readonly pull_refresh_after?: string;
  readonly read_only?: boolean;
  /** no, always, unless-stopped, on-failure or on-failure:<n>. */
  readonly restart?: string;
  readonly runtime?: string;
  /** 0 is kept. `deploy.replicas` has the same number when both are there. */
  readonly scale?: number;
  readonly secrets?: readonly FileReference[];
  readonly security_opt?: readonly string[];
  readonly shm_size?: ByteSize;
  readonly stdin_open?: boolean;
  readonly stop_grace_period?: Duration;
  readonly stop_signal?: string;
  readonly storage_opt?: StringMap;
  readonly sysctls?: StringMap;
  /** "/path" or "/path:options". */
  readonly tmpfs?: readonly string[];
  readonly tty?: boolean;
  readonly ulimits?: Readonly<Record<string, Ulimit>>;
  readonly use_api_socket?: boolean;
  readonly user?: string;
  readonly userns_mode?: string;
  readonly uts?: string;
  readonly volumes?: readonly Mount[];
  /** "service", "service:ro", "container:NAME". The dependency is in `depends_on` too. */
  readonly volumes_from?: readonly string[];
  readonly working_dir?: string;
  /** Of later releases of Compose than the one whose normal form this is. */
  readonly pre_start?: readonly Hook[];
  readonly post_start?: readonly Hook[];
  readonly pre_stop?: readonly Hook[];
}

export type StringMap = Readonly<Record<string, string>>;
export type NullableStringMap = Readonly<Record<string, string | null>>;

export interface Build extends Extensions {
  /** An absolute path, or a URL, or `service:NAME`. */
  readonly context?: string;
  /** Relative to the context, or absolute. Absent with `dockerfile_inline`. */
  readonly dockerfile?: string;
  readonly dockerfile_inline?: string;
  readonly entitlements?: readonly string[];
  /** `null`: no value known, the Dockerfile's default holds. */
  readonly args?: NullableStringMap;
  readonly provenance?: string;
  readonly sbom?: string;
  readonly ssh?: readonly SshKey[];
  readonly labels?: StringMap;
  readonly cache_from?: readonly string[];
  readonly cache_to?: readonly string[];
  readonly no_cache?: boolean;
  readonly additional_contexts?: StringMap;
  readonly pull?: boolean;
  readonly extra_hosts?: readonly string[];
  readonly isolation?: string;
  readonly network?: string;
  readonly target?: string;
  readonly secrets?: readonly FileReference[];
  readonly shm_size?: ByteSize;
  readonly tags?: readonly string[];
  readonly ulimits?: Readonly<Record<string, Ulimit>>;
  readonly platforms?: readonly string[];
  readonly privileged?: boolean;
}

export interface SshKey {
  readonly id: string;
  /** Absent: the agent's. */
  readonly path?: string;
}

export interface Develop extends Extensions {
  readonly watch?: readonly WatchRule[];
}

export interface WatchRule extends Extensions {
  /** Absolute. */
  readonly path: string;
  /** sync, rebuild, restart, sync+restart or sync+exec. */
  readonly action: string;
  readonly target?: string;
  readonly exec?: Hook;
  readonly include?: readonly string[];
  readonly ignore?: readonly string[];
  readonly initial_sync?: boolean;
}

export interface Hook extends Extensions {
  readonly command?: readonly string[];
  readonly user?: string;
  readonly privileged?: boolean;
  readonly working_dir?: string;
  readonly environment?: NullableStringMap;
}

export interface BlkioConfig extends Extensions {
  readonly weight?: number;
  readonly weight_device?: readonly { readonly path: string; readonly weight: number }[];
  readonly device_read_bps?: readonly ThrottledDevice[];
  readonly device_read_iops?: readonly ThrottledDevice[];
  readonly device_write_bps?: readonly ThrottledDevice[];
  readonly device_write_iops?: readonly ThrottledDevice[];
}

export interface ThrottledDevice {
  readonly path: string;
  readonly rate: ByteSize;
}

/** A config or secret that a service (or a build) uses. */
export interface FileReference extends Extensions {
  /** The key in the stack's `configs` or `secrets`. */
  readonly source?: string;
  /** A config's may be absent: `/<source>`. */
  readonly target?: string;
  readonly uid?: string;
  readonly gid?: string;
  /** Octal, "0440". */
  readonly mode?: string;
}

export interface CredentialSpec extends Extensions {
  readonly config?: string;
  readonly file?: string;
  readonly registry?: string;
}

export interface Dependency extends Extensions {
  readonly condition: "service_started" | "service_healthy" | "service_completed_successfully";
  /** The dependent restarts when what it depends on was restarted or replaced by Stowage. */
  readonly restart?: boolean;
  /** `false`: a missing or failed dependency is only warned about. Always there. */
  readonly required: boolean;
}

export interface Deploy extends Extensions {
  readonly mode?: string;
  /** 0 is kept. */
  readonly replicas?: number;
  readonly labels?: StringMap;
  readonly update_config?: UpdateConfig;
  readonly rollback_config?: UpdateConfig;
  readonly resources?: Resources;
  readonly restart_policy?: RestartPolicy;
  readonly placement?: Placement;
  readonly endpoint_mode?: string;
}

export interface UpdateConfig extends Extensions {
  /** 0 is kept: all at once. */
  readonly parallelism?: number;
  readonly delay?: Duration;
  readonly failure_action?: string;
  readonly monitor?: Duration;
  readonly max_failure_ratio?: number;
  /** start-first or stop-first. */
  readonly order?: string;
}

export interface Resources extends Extensions {
  readonly limits?: Resource;
  readonly reservations?: Resource;
}

export interface Resource extends Extensions {
  readonly cpus?: number;
  readonly memory?: ByteSize;
  readonly pids?: number;
  readonly devices?: readonly DeviceRequest[];
  readonly generic_resources?: readonly GenericResource[];
}

export interface GenericResource extends Extensions {
  readonly discrete_resource_spec?: { readonly kind: string; readonly value: number };
}

export interface DeviceRequest {
  readonly capabilities?: readonly string[];
  readonly driver?: string;
  /** -1 for all. */
  readonly count?: number;
  readonly device_ids?: readonly string[];
  readonly options?: StringMap;
}

export interface RestartPolicy extends Extensions {
  /** none, on-failure or any. */
  readonly condition?: string;
  readonly delay?: Duration;
  readonly max_attempts?: number;
  readonly window?: Duration;
}

export interface Placement extends Extensions {
  readonly constraints?: readonly string[];
  readonly preferences?: readonly { readonly spread?: string }[];
  readonly max_replicas_per_node?: number;
}

export interface DeviceMapping extends Extensions {
  readonly source?: string;
  readonly target?: string;
  readonly permissions?: string;
}

export interface Provider extends Extensions {
  readonly type?: string;
  readonly options?: Readonly<Record<string, readonly string[]>>;
}

export interface EnvFile {
  /** Absolute. */
  readonly path: string;
  readonly required: boolean;
  readonly format?: string;
}

export interface Healthcheck extends Extensions {
  /** ["NONE"], ["CMD", ...] or ["CMD-SHELL", text]; absent: the image's. */
  readonly test?: readonly string[];
  readonly timeout?: Duration;
  readonly interval?: Duration;
  readonly retries?: number;
  readonly start_period?: Duration;
  readonly start_interval?: Duration;
  readonly disable?: boolean;
}

export interface Logging extends Extensions {
  readonly driver?: string;
  readonly options?: StringMap;
}

export interface ServiceModel extends Extensions {
  readonly endpoint_var?: string;
  readonly model_var?: string;
}

export interface ServiceNetwork extends Extensions {
  readonly aliases?: readonly string[];
  readonly driver_opts?: StringMap;
  readonly gw_priority?: number;
  readonly interface_name?: string;
  readonly ipv4_address?: string;
  readonly ipv6_address?: string;
  readonly link_local_ips?: readonly string[];
  readonly mac_address?: string;
  /** Networks are attached in descending order of it, then by name. */
  readonly priority?: number;
}

export interface Port extends Extensions {
  readonly name?: string;
  /** ingress or host. */
  readonly mode?: string;
  readonly host_ip?: string;
  readonly target: number;
  /** A port ("0" for any), or a range to pick one from ("8000-9000"); absent: any free port. */
  readonly published?: string;
  /** tcp, udp or sctp. */
  readonly protocol?: string;
  readonly app_protocol?: string;
}

export interface Mount extends Extensions {
  readonly type: "bind" | "volume" | "tmpfs" | "image" | "npipe" | "cluster";
  /** A key of the stack's `volumes` for type volume (absent: anonymous); an absolute host path for type bind. */
  readonly source?: string;
  readonly target: string;
  readonly read_only?: boolean;
  readonly consistency?: string;
  readonly bind?: BindOptions;
  readonly volume?: VolumeOptions;
  readonly tmpfs?: TmpfsOptions;
  readonly image?: { readonly subpath?: string };
}

export interface BindOptions extends Extensions {
  readonly selinux?: string;
  readonly propagation?: string;
  /** Short form always; long form only as declared. */
  readonly create_host_path?: boolean;
  readonly recursive?: string;
}

export interface VolumeOptions extends Extensions {
  readonly labels?: StringMap;
  readonly nocopy?: boolean;
  readonly subpath?: string;
}

export interface TmpfsOptions extends Extensions {
  readonly size?: ByteSize;
  /** The mode's bits, as a number: 0o755 is 493. */
  readonly mode?: number;
}

/** One number for both, or each its own. -1 for no limit. */
export type Ulimit = number | { readonly soft?: number; readonly hard?: number };

export interface Network extends Extensions {
  /** The name in the engine, `<stack>_<key>` by default. */
  readonly name: string;
  readonly driver?: string;
  readonly driver_opts?: StringMap;
  readonly ipam?: Ipam;
  /** `true`: not ours to make or remove. */
  readonly external?: boolean;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly labels?: StringMap;
  readonly enable_ipv4?: boolean;
  readonly enable_ipv6?: boolean;
}

export interface Ipam extends Extensions {
  readonly driver?: string;
  readonly config?: readonly IpamPool[];
  readonly options?: StringMap;
}

export interface IpamPool extends Extensions {
  readonly subnet?: string;
  readonly gateway?: string;
  readonly ip_range?: string;
  readonly aux_addresses?: StringMap;
}

export interface Volume extends Extensions {
  /** The name in the engine, `<stack>_<key>` by default. */
  readonly name: string;
  readonly driver?: string;
  readonly driver_opts?: StringMap;
  readonly external?: boolean;
  readonly labels?: StringMap;
}

/** A config or a secret: from exactly one of `file`, `environment`, `content`, or `external`. */
export interface FileObject extends Extensions {
  readonly name: string;
  /** Absolute. */
  readonly file?: string;
  readonly environment?: string;
  /** Declared, or the value of `environment`'s variable (which is never printed). */
  readonly content?: string;
  /** The bytes of `file` in base64, where a service gives it an owner or a mode of its own (never printed). */
  readonly fileContent?: string;
  readonly external?: boolean;
  readonly labels?: StringMap;
  readonly driver?: string;
  readonly driver_opts?: StringMap;
  readonly template_driver?: string;
}

export interface Model extends Extensions {
  readonly name: string;
  readonly model?: string;
  readonly context_size?: number;
  readonly runtime_flags?: readonly string[];
}
