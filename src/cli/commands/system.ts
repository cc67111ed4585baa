import type { Command } from "commander";
import type { ContainerRuntime, Filters } from "../../runtime/index.ts";
import type { CliCommand, CliGroup } from "../cli-command.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { parseFilters } from "../filters.ts";
import { isCancelled } from "../follow-stack.ts";
import { repeated } from "../globals.ts";
import { interruptSignal } from "../interrupt.ts";
import { type PruneFlags, pruneCommand } from "../prune.ts";
import { goJson } from "../render/go-json.ts";
import { nanoTime } from "../render/nano-time.ts";
import { binarySize, humanSize } from "../render/units.ts";
import { momentNs } from "../time-option.ts";
import { systemDf as df } from "./system-df.ts";
import { entries } from "./volume.ts";

const info: CliCommand = {
  summary: "Show the engine",
  declare: (command: Command) => command.option("-f, --format <format>", "json or a Go template"),
  run: async (context: Context, _args: readonly string[], { format }: { readonly format?: string }) => {
    const facts = await (await context.runtime()).info();
    if (format === "json") return context.printLine(JSON.stringify(facts));
    if (format !== undefined) {
      const { renderTemplate } = await import("../render/go-template.ts");
      return context.printLine(renderTemplate(format, facts));
    }
    const { running, paused, stopped } = facts.containers;
    const rows: readonly (readonly [string, string])[] = [
      ["Engine", `${facts.name} ${facts.version}`],
      ["Id", facts.id],
      ["Root", facts.rootDir],
      ["Containers", `${running} running, ${paused} paused, ${stopped} stopped`],
      ["Images", String(facts.images)],
      ["OCI runtime", `${facts.ociRuntime} ${facts.ociRuntimeVersion}`],
      ["Storage", facts.storageDriver],
      ["cgroups", `v${facts.cgroupVersion}, ${facts.cgroupDriver}`],
      ["Security", facts.securityOptions.join(", ")],
      ["Kernel", facts.kernelVersion],
      ["System", `${facts.operatingSystem} (${facts.os}/${facts.architecture})`],
      ["CPUs", String(facts.cpus)],
      ["Memory", binarySize(facts.memoryBytes)],
      ["Host name", facts.hostname],
      ...(facts.registryMirrors.length > 0 ? [["Mirrors", facts.registryMirrors.join(", ")] as const] : []),
    ];
    for (const [name, value] of rows) context.printLine(`${name.padEnd(12)} ${value}`);
    for (const warning of facts.warnings) context.note(`warning: ${warning}`);
  },
};

interface SystemPruneFlags extends PruneFlags {
  readonly volumes?: boolean;
}

const prune = pruneCommand<SystemPruneFlags>({
  summary: "Remove stopped containers, unused networks, images without a name and build cache",
  filters: "until, label",
  declare: (command) =>
    command
      .option("-a, --all", "every image that no container uses")
      .option("--volumes", "anonymous volumes, too"),
  what: ({ all, volumes }) =>
    [
      "all stopped containers",
      "all networks that no container uses",
      ...(volumes === true ? ["all anonymous volumes that no container uses"] : []),
      all === true ? "all images that no container uses" : "all images without a name",
      all === true ? "all build cache" : "unused build cache",
    ].join(",\n  "),
  check: ({ volumes }, { until }) => {
    if (volumes === true && until !== undefined)
      throw usageError('The "until" filter is not supported with "--volumes"');
  },
  run: async (context, { runtime, filters, flags }) => {
    const reclaimed = await pruneAll(context, { runtime, filters, flags });
    context.printLine(`Total reclaimed space: ${humanSize(reclaimed)}`);
  },
});

async function pruneAll(
  context: Context,
  {
    runtime,
    filters,
    flags,
  }: { readonly runtime: ContainerRuntime; readonly filters: Filters; readonly flags: SystemPruneFlags },
): Promise<number> {
  const tell = (heading: string, names: readonly string[]) => {
    if (names.length > 0) context.print(`${heading}:\n${names.map((name) => `${name}\n`).join("")}\n`);
  };
  const containers = await runtime.containers.prune(filters);
  tell("Deleted Containers", containers.removed);
  const networks = await runtime.networks.prune(filters);
  tell("Deleted Networks", networks.removed);
  const volumes =
    flags.volumes === true ? await runtime.volumes.prune(filters) : { removed: [], reclaimedBytes: 0 };
  tell("Deleted Volumes", volumes.removed);
  const images = await runtime.images.prune({
    ...filters,
    dangling: [flags.all === true ? "false" : "true"],
  });
  tell(
    "Deleted Images",
    images.removed.map((done) =>
      "untagged" in done ? `untagged: ${done.untagged}` : `deleted: ${done.deleted}`,
    ),
  );
  const { until } = filters;
  const cache = await runtime.pruneBuildCache({
    all: flags.all === true,
    // It has no labels.
    ...(until !== undefined && { filters: { until } }),
  });
  tell("Deleted build cache objects", cache.removed);
  return containers.reclaimedBytes + volumes.reclaimedBytes + images.reclaimedBytes + cache.reclaimedBytes;
}

const events: CliCommand = {
  summary: "Receive the engine's events as they happen",
  declare: (command: Command) =>
    command
      .addOption(
        repeated("-f, --filter <key=value>", "only these: type, event, container, image, label, ..."),
      )
      .option("--format <format>", "json or a Go template")
      .option("--since <time>", "from this time, or so long ago")
      .option("--until <time>", "up to this time"),
  run: async (
    context: Context,
    _args: readonly string[],
    flags: {
      readonly filter: readonly string[];
      readonly format?: string;
      readonly since?: string;
      readonly until?: string;
    },
  ) => {
    const runtime = await context.runtime();
    const interrupt = interruptSignal();
    const nowMs = Date.now();
    const { renderTemplate } = await import("../render/go-template.ts");
    const stream = runtime.events(
      {
        filters: parseFilters(flags.filter),
        ...(flags.since !== undefined && { sinceNs: momentNs(flags.since, nowMs) }),
        ...(flags.until !== undefined && { untilNs: momentNs(flags.until, nowMs) }),
      },
      interrupt.signal,
    );
    try {
      for await (const { type, action, id, attributes, timeNs } of stream) {
        const record = {
          Type: type,
          Action: action,
          Actor: { ID: id, Attributes: attributes },
          time: Number(timeNs / 1_000_000_000n),
          timeNano: Number(timeNs),
        };
        if (flags.format === "json") context.printLine(goJson(record));
        else if (flags.format !== undefined) context.printLine(renderTemplate(flags.format, record));
        else {
          const pairs = Object.entries(attributes).map(([key, value]) => `${key}=${value}`);
          context.printLine(`${nanoTime(timeNs)} ${type} ${action} ${id} (${pairs.join(", ")})`);
        }
      }
    } catch (error) {
      if (!isCancelled(error)) throw error;
    }
  },
};

const WRONG = {
  "damaged-blob": "is damaged",
  "missing-blob": "is missing",
  "missing-layer": "is not unpacked",
} as const;

const check: CliCommand = {
  summary: "Compare everything in the image store with its digests",
  help: "Changes nothing on disk. Exit code 1 when something is wrong: pull, load or build the images that are named again; what is only not unpacked is unpacked by the daemon's next start. While an image cannot be read, nothing is deleted that it may need: `image rm` gives it up.",
  declare: (command: Command) => command.option("--json", "as JSON"),
  run: async (context: Context, _args: readonly string[], { json }: { readonly json?: boolean }) => {
    if (context.target.kind !== "engine") throw new CliError("Cannot check the store of a foreign engine");
    // Starts the daemon where none runs.
    await context.runtime();
    const { DaemonClient } = await import("../../daemon/client.ts");
    const problems = await new DaemonClient(context.target.paths.socketPath).storeProblems();
    if (json === true) context.printLine(JSON.stringify(problems));
    else if (problems.length === 0) context.printLine("The image store is whole");
    else {
      for (const { kind, digest, images } of problems) {
        const names = images.join(", ");
        context.printLine(
          kind === "lost-image"
            ? `The image ${digest} cannot be read${names === "" ? "" : `, it is called ${names}`}`
            : `${digest} ${WRONG[kind]}, needed by ${names || "no image"}`,
        );
      }
    }
    return problems.length === 0 ? EXIT.ok : EXIT.failed;
  },
};

export const system: CliGroup = {
  summary: "The engine: facts, disk usage, events, clean-up, check",
  commands: entries({ info, df, prune, events, check }),
};
