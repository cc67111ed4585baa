import type { ContainerSpec, MountSpec, PortBinding } from "../runtime/index.ts";
import type { Service, Stack } from "../spec/index.ts";
import { containerSpecOf, type Draft } from "./container-spec.ts";
import { LABEL } from "./labels.ts";
import { containerName, oneOffName } from "./names.ts";

/** How a one-off container differs from its service's (`run`). */
export interface OneOffOptions {
  /** 64 hex digits that nobody else has. */
  readonly slug: string;
  readonly name?: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  /** `null`: unset. */
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly workingDir?: string;
  readonly tty?: boolean;
  readonly openStdin?: boolean;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  /** Further mounts; one at a place of the service's takes it. */
  readonly mounts?: readonly MountSpec[];
  /** Published instead of the service's. */
  readonly ports?: readonly PortBinding[];
  /** The service's own, too. */
  readonly withServicePorts?: boolean;
  /** Reachable under the service's names. */
  readonly withAliases?: boolean;
  readonly autoRemove?: boolean;
}

/**
 * A container for one command of a service: its own name, no restart policy, no published ports and no names of
 * the service unless asked for. As `docker compose run` makes it.
 */
export function oneOffOf(stack: Stack, serviceName: string, options: OneOffOptions): Draft {
  const declared = stack.services[serviceName] ?? {};
  const service = changedService(declared, options);
  const name = options.name ?? oneOffName(stack, serviceName, options.slug);
  const draft = containerSpecOf({
    stack,
    serviceName,
    service: { ...service, container_name: name },
    number: 1,
    namesOf: (other) => [containerName(stack, other, stack.services[other] ?? {}, 1)],
  });
  const { [LABEL.number]: _number, ...labels } = draft.spec.labels ?? {};
  const spec: ContainerSpec = {
    ...draft.spec,
    ...(options.withAliases === true ? {} : { networks: onlyNamed(draft.spec, name) }),
    mounts: [
      ...(draft.spec.mounts ?? []).filter(({ target }) => !isTaken(options, target)),
      ...(options.mounts ?? []),
    ],
    ports: [...(options.withServicePorts === true ? (draft.spec.ports ?? []) : []), ...(options.ports ?? [])],
    restartPolicy: { name: "no" },
    ...(options.tty === true && { tty: true }),
    ...(options.openStdin === true && { openStdin: true, stdinOnce: true, attachStdin: true }),
    ...(options.autoRemove === true && { autoRemove: true }),
    labels: { ...labels, ...options.labels, [LABEL.oneoff]: "True", [LABEL.slug]: options.slug },
  };
  return { ...draft, name, spec };
}

function changedService(declared: Service, options: OneOffOptions): Service {
  const { command: _command, container_name: _name, tty: _tty, stdin_open: _stdin, ...rest } = declared;
  const command = options.command ?? (options.entrypoint === undefined ? declared.command : undefined);
  const { entrypoint = declared.entrypoint } = options;
  return {
    ...rest,
    ...(command !== undefined && { command }),
    ...(entrypoint !== undefined && { entrypoint }),
    ...(options.environment !== undefined && {
      environment: { ...declared.environment, ...options.environment },
    }),
    ...(options.user !== undefined && { user: options.user }),
    ...(options.workingDir !== undefined && { working_dir: options.workingDir }),
    ...(options.capAdd !== undefined && { cap_add: [...(declared.cap_add ?? []), ...options.capAdd] }),
    ...(options.capDrop !== undefined && { cap_drop: [...(declared.cap_drop ?? []), ...options.capDrop] }),
  };
}

function onlyNamed({ networks = {} }: ContainerSpec, name: string): NonNullable<ContainerSpec["networks"]> {
  return Object.fromEntries(
    Object.entries(networks).map(([network, endpoint]) => [network, { ...endpoint, aliases: [name] }]),
  );
}

function isTaken({ mounts = [] }: OneOffOptions, target: string): boolean {
  return mounts.some((mount) => mount.target === target);
}
