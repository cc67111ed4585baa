import type { Command } from "commander";
import { hasKind, type IpamPool } from "../../runtime/index.ts";
import type { CliCommand, CliGroup } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { parseFilters } from "../filters.ts";
import { forEach } from "../for-each.ts";
import { repeated } from "../globals.ts";
import { pairs } from "../image-build.ts";
import { printInspected } from "../inspect.ts";
import { pruneCommand, tellRemoved } from "../prune.ts";
import { printListing } from "../render/listing.ts";
import { goTime } from "../render/units.ts";
import { entries } from "./volume.ts";

const ls: CliCommand = {
  summary: "List networks",
  declare: (command: Command) =>
    command
      .addOption(repeated("-f, --filter <key=value>", "only these: name, id, label, driver, dangling"))
      .option("--format <format>", "table, json or a Go template", "table")
      .option("--no-trunc", "cut nothing short")
      .option("-q, --quiet", "only ids"),
  run: async (
    context: Context,
    _args: readonly string[],
    flags: {
      readonly filter: readonly string[];
      readonly format: string;
      readonly quiet?: boolean;
      readonly trunc: boolean;
    },
  ) => {
    const found = await (await context.runtime()).networks.list(parseFilters(flags.filter));
    await printListing(context, {
      ...flags,
      key: "ID",
      columns: { ID: "NETWORK ID", Name: "NAME", Driver: "DRIVER", Scope: "SCOPE" },
      records: [...found]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((network) => ({
          CreatedAt: goTime(network.createdAt),
          Driver: network.driver,
          ID: flags.trunc ? network.id.slice(0, 12) : network.id,
          IPv6: String(network.enableIpv6),
          Internal: String(network.internal),
          Labels: Object.entries(network.labels)
            .map(([key, value]) => `${key}=${value}`)
            .join(","),
          Name: network.name,
          Scope: "local",
        })),
    });
  },
};

interface CreateFlags {
  readonly driver: string;
  readonly opt: readonly string[];
  readonly label: readonly string[];
  readonly subnet: readonly string[];
  readonly gateway: readonly string[];
  readonly ipRange: readonly string[];
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly ipv6?: boolean;
}

const create: CliCommand = {
  usage: "<name>",
  summary: "Create a network; prints its id",
  declare: (command: Command) =>
    command
      .option("-d, --driver <driver>", "driver", "bridge")
      .addOption(repeated("-o, --opt <key=value>", "option of the driver"))
      .addOption(repeated("--label <key=value>", "label"))
      .addOption(repeated("--subnet <cidr>", "its addresses"))
      .addOption(repeated("--gateway <address>", "address of the bridge, one a subnet"))
      .addOption(repeated("--ip-range <cidr>", "addresses to hand out, one a subnet"))
      .option("--internal", "no way out")
      .option("--attachable", "accepted for docker's sake")
      .option("--ipv6", "IPv6 too"),
  run: async (context: Context, [name = ""]: readonly string[], flags: CreateFlags) => {
    const pools = flags.subnet.map(
      (subnet, index): IpamPool => ({
        subnet,
        ...(flags.gateway[index] !== undefined && { gateway: flags.gateway[index] }),
        ...(flags.ipRange[index] !== undefined && { ipRange: flags.ipRange[index] }),
      }),
    );
    const { id, warning } = await (await context.runtime()).networks.create({
      name,
      driver: flags.driver,
      options: pairs(flags.opt),
      labels: pairs(flags.label),
      ...(pools.length > 0 && { ipam: { pools } }),
      ...(flags.internal === true && { internal: true }),
      ...(flags.attachable === true && { attachable: true }),
      ...(flags.ipv6 === true && { enableIpv6: true }),
    });
    if (warning !== undefined) context.note(`warning: ${warning}`);
    context.printLine(id);
  },
};

const inspect: CliCommand = {
  usage: "<networks...>",
  summary: "Show networks as JSON",
  declare: (command: Command) => command.option("-f, --format <template>", "a Go template"),
  run: async (context: Context, names: readonly string[], { format }: { readonly format?: string }) =>
    printInspected(context, names, { format, read: (documents, name) => documents.network(name) }),
};

const rm: CliCommand = {
  usage: "<networks...>",
  summary: "Remove networks",
  declare: (command: Command) => command.option("-f, --force", "no error for what is not there"),
  run: async (context: Context, names: readonly string[], { force }: { readonly force?: boolean }) => {
    const runtime = await context.runtime();
    return forEach(context, names, async (name) => {
      try {
        await runtime.networks.remove(name);
        context.printLine(name);
      } catch (error) {
        if (force !== true || !hasKind(error, "not-found")) throw error;
      }
    });
  },
};

const connect: CliCommand = {
  usage: "<network> <container>",
  summary: "Connect a container to a network",
  declare: (command: Command) =>
    command
      .addOption(repeated("--alias <name>", "name of the container on this network"))
      .option("--ip <address>", "IPv4 address")
      .option("--ip6 <address>", "IPv6 address"),
  run: async (
    context: Context,
    [network = "", container = ""]: readonly string[],
    flags: { readonly alias: readonly string[]; readonly ip?: string; readonly ip6?: string },
  ) =>
    (await context.runtime()).networks.connect(network, container, {
      ...(flags.alias.length > 0 && { aliases: flags.alias }),
      ...(flags.ip !== undefined && { ipv4Address: flags.ip }),
      ...(flags.ip6 !== undefined && { ipv6Address: flags.ip6 }),
    }),
};

const disconnect: CliCommand = {
  usage: "<network> <container>",
  summary: "Disconnect a container from a network",
  declare: (command: Command) => command.option("-f, --force", "even when the container is gone"),
  run: async (
    context: Context,
    [network = "", container = ""]: readonly string[],
    { force }: { readonly force?: boolean },
  ) => (await context.runtime()).networks.disconnect(network, container, { force: force === true }),
};

const prune = pruneCommand({
  summary: "Remove networks that no container uses",
  filters: "until, label",
  what: () => "all networks that no container uses",
  run: async (context, { runtime, filters }) => {
    const { removed } = await runtime.networks.prune(filters);
    tellRemoved(context, "Deleted Networks", removed);
  },
});

export const network: CliGroup = {
  summary: "Manage networks",
  commands: entries({ ls, create, inspect, rm, connect, disconnect, prune }),
};
