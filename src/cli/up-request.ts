import { type Command, Option } from "commander";
import type { RecreatePolicy, Request, UpOptions } from "../planner/index.ts";
import { usageError } from "./cli-error.ts";
import { noFlag, repeated, seconds } from "./globals.ts";
import type { CliIo } from "./io.ts";

/** The options that `up` and `create` share. */
export interface CreateFlags {
  readonly build?: boolean;
  readonly noBuild?: boolean;
  readonly pull?: "always" | "missing" | "never" | "build" | "policy";
  readonly quietPull?: boolean;
  readonly forceRecreate?: boolean;
  readonly noRecreate?: boolean;
  readonly removeOrphans?: boolean;
  readonly scale: readonly string[];
  readonly yes?: boolean;
}

/** The options of `up` that say what is to be done, not how it is watched. */
export interface UpFlags extends CreateFlags {
  readonly alwaysRecreateDeps?: boolean;
  readonly renewAnonVolumes?: boolean;
  readonly noDeps?: boolean;
  readonly noStart?: boolean;
  readonly timeout?: number;
  readonly wait?: boolean;
  readonly waitTimeout?: number;
}

export function declareCreateFlags(command: Command): Command {
  return command
    .option("--build", "build images first")
    .addOption(noFlag("--no-build", "do not build, even a missing image"))
    .addOption(
      new Option("--pull <policy>", "when to pull images").choices([
        "always",
        "missing",
        "never",
        "build",
        "policy",
      ]),
    )
    .option("--quiet-pull", "pull without progress")
    .option("--force-recreate", "replace containers even if nothing about them changed")
    .addOption(noFlag("--no-recreate", "keep containers that exist, whatever changed"))
    .option("--remove-orphans", "remove containers of services that the files do not declare")
    .addOption(repeated("--scale <service=number>", "number of replicas"))
    .option("-y, --yes", "replace volumes whose declaration changed: their data is lost");
}

export function declareUpFlags(command: Command): Command {
  return declareCreateFlags(command)
    .option("--always-recreate-deps", "replace dependencies too")
    .option("-V, --renew-anon-volumes", "replace containers, their anonymous volumes empty")
    .addOption(noFlag("--no-deps", "leave dependencies alone"))
    .addOption(noFlag("--no-start", "only create"))
    .option("-t, --timeout <seconds>", "wait so long for a container to stop", seconds)
    .option("--wait", "wait until services run and are healthy; implies --detach")
    .option("--wait-timeout <seconds>", "wait no longer than this", seconds);
}

/** What is asked, from the options and their environment twins. Throws a usage error for options that contradict. */
export function upRequest(
  services: readonly string[],
  flags: Partial<UpFlags> & CreateFlags,
  io: CliIo,
): Request & UpOptions & { readonly do: "up" } {
  const both = (a: boolean | undefined, b: boolean | undefined, names: string) => {
    if (a === true && b === true) throw usageError(`${names} are incompatible`);
  };
  both(flags.build, flags.noBuild, "--build and --no-build");
  both(flags.forceRecreate, flags.noRecreate, "--force-recreate and --no-recreate");
  both(flags.renewAnonVolumes, flags.noRecreate, "--renew-anon-volumes and --no-recreate");
  both(flags.alwaysRecreateDeps, flags.noRecreate, "--always-recreate-deps and --no-recreate");
  const removeOrphans = flags.removeOrphans ?? isOn(io.env["COMPOSE_REMOVE_ORPHANS"]);
  const ignoreOrphans = isOn(io.env["COMPOSE_IGNORE_ORPHANS"]);
  both(removeOrphans, ignoreOrphans, "COMPOSE_IGNORE_ORPHANS and --remove-orphans");
  const { pull } = flags;
  return {
    do: "up",
    services,
    recreate: recreateBy(flags.forceRecreate ?? flags.renewAnonVolumes, flags.noRecreate),
    recreateDependencies: recreateBy(flags.alwaysRecreateDeps, flags.noRecreate),
    build: flags.build === true || pull === "build" ? "always" : flags.noBuild === true ? "never" : "missing",
    ...((pull === "always" || pull === "missing" || pull === "never") && { pull }),
    ...(flags.renewAnonVolumes === true && { renewAnonymousVolumes: true }),
    ...(flags.scale.length > 0 && { scale: scales(flags.scale) }),
    ...(removeOrphans && { removeOrphans }),
    ...(ignoreOrphans && { ignoreOrphans }),
    ...(flags.timeout !== undefined && { timeoutSeconds: flags.timeout }),
    ...(flags.noDeps === true && { noDeps: true }),
    ...(flags.noStart === true && { noStart: true }),
    ...((flags.wait === true || flags.waitTimeout !== undefined) && { wait: true }),
    ...(flags.waitTimeout !== undefined &&
      flags.waitTimeout > 0 && { waitTimeoutMs: flags.waitTimeout * 1000 }),
    ...(flags.yes === true && { recreateVolumes: true }),
  };
}

function recreateBy(force: boolean | undefined, never: boolean | undefined): RecreatePolicy {
  if (force === true) return "force";
  return never === true ? "never" : "diverged";
}

/** `web=3` each. */
export function scales(pairs: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const match = /^([^=]+)=(\d+)$/.exec(pair);
      if (match?.[1] === undefined) throw usageError(`Invalid scale "${pair}": it is SERVICE=NUMBER`);
      return [match[1], Number(match[2])];
    }),
  );
}

export function isOn(value: string | undefined): boolean {
  return value !== undefined && /^(1|t|true)$/i.test(value);
}
