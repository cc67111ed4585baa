import type { ContainerSummary, Filters, ListOptions } from "../../index.ts";
import { RuntimeError } from "../../index.ts";
import { checkFilterKeys, matchesLabels, matchesName, parseUntil } from "../filters.ts";
import type { Container } from "./container.ts";
import type { ContainersContext } from "./context.ts";
import { linkNamesIn } from "./links.ts";
import { isRunning } from "./record.ts";
import { summaryOf } from "./view.ts";

const KEYS: ReadonlySet<string> = new Set([
  "ancestor",
  "before",
  "expose",
  "exited",
  "health",
  "id",
  "is-task",
  "isolation",
  "label",
  "name",
  "network",
  "publish",
  "since",
  "status",
  "volume",
]);

/** See `Containers.list`. */
export async function listContainers(
  ctx: ContainersContext,
  { all = false, limit, filters = {}, size = false }: ListOptions = {},
): Promise<readonly ContainerSummary[]> {
  checkFilterKeys(filters, KEYS);
  const isWanted = await compileFilters(ctx, filters);
  const showsStopped = all || limit !== undefined || ["status", "exited"].some((key) => key in filters);
  const found = newestFirst(ctx.table.all())
    .filter((container) => showsStopped || isRunning(container.record.state))
    .filter(isWanted);
  const shown = limit === undefined || limit < 0 ? found : found.slice(0, limit);
  const linkNames = linkNamesIn(ctx.table);
  return Promise.all(
    shown.map(async (container) => {
      const summary = summaryOf(container, linkNames.get(container.id));
      return size ? { ...summary, sizes: await sizesOf(ctx, container) } : summary;
    }),
  );
}

export function newestFirst(containers: readonly Container[]): readonly Container[] {
  return [...containers].sort((a, b) => b.record.createdAt - a.record.createdAt);
}

export async function sizesOf(ctx: ContainersContext, { record }: Container) {
  return ctx.rootfs.sizes(record.id, await ctx.images.resolve(record.imageId));
}

type Test = (container: Container) => boolean;

/** What needs looking up (images, networks, other containers) is looked up once, before the containers are. */
export async function compileFilters(ctx: ContainersContext, filters: Filters): Promise<Test> {
  const tests = await Promise.all(
    Object.entries(filters)
      .filter(([, values]) => values.length > 0)
      .map(([key, values]) => compileFilter(ctx, key, values)),
  );
  return (container) => tests.every((test) => test(container));
}

async function compileFilter(ctx: ContainersContext, key: string, values: readonly string[]): Promise<Test> {
  const strange = values.find((value) => VALUES[key]?.test(value) === false);
  if (strange !== undefined) throw new RuntimeError("invalid", `invalid filter '${key}=${strange}'`);
  switch (key) {
    case "ancestor":
      return ancestorTest(ctx, values);
    case "network":
      return networkTest(ctx, values);
    case "before":
    case "since": {
      const times = values.map((value) => ctx.table.find(value).record.createdAt);
      return ({ record }) =>
        times.every((time) => (key === "before" ? record.createdAt < time : record.createdAt > time));
    }
    case "label":
      return ({ effective }) => matchesLabels(effective.labels, values);
    case "label!":
      return ({ effective }) => !matchesLabels(effective.labels, values);
    case "until": {
      const times = values.map((value) => parseUntil(value, Date.now()));
      return ({ record }) => times.every((time) => record.createdAt < time);
    }
    default: {
      const test = PLAIN[key];
      if (test === undefined) throw new RuntimeError("invalid", `invalid filter '${key}'`);
      return (container) => values.some((value) => test(container, value));
    }
  }
}

/** Filters that look at the container alone; one of the values has to fit. */
const PLAIN: Readonly<Record<string, (container: Container, value: string) => boolean>> = {
  id: ({ record }, value) => record.id.startsWith(value),
  name: ({ record }, value) => matchesName(record.name, [value]) || matchesName(`/${record.name}`, [value]),
  status: ({ record }, value) => record.state.status === value,
  exited: ({ record }, value) => record.state.status === "exited" && record.state.exitCode === Number(value),
  health: ({ health }, value) => (health?.status ?? "none") === value,
  volume: ({ record }, value) => record.mounts.some(({ name, target }) => name === value || target === value),
  publish: ({ run }, value) =>
    run?.sandbox.ports.some(({ hostPort, protocol }) => fitsPort(hostPort, protocol, value)) ?? false,
  expose: ({ effective, run }, value) =>
    [
      ...effective.exposedPorts.map((port) => port.split("/")),
      ...(run?.sandbox.ports ?? []).map((port) => [String(port.containerPort), port.protocol]),
    ].some(([port, protocol = "tcp"]) => fitsPort(Number(port), protocol, value)),
  "is-task": (_, value) => /^(0|f)/i.test(value),
  isolation: (_, value) => value === "default",
};

const PORTS = /^\d+(-\d+)?(\/\w+)?$/;

/** What the values of some filters look like: with anything else nothing would ever be found. */
const VALUES: Readonly<Record<string, RegExp>> = {
  status: /^(created|running|paused|restarting|removing|exited|dead)$/,
  exited: /^-?\d+$/,
  health: /^(none|starting|healthy|unhealthy)$/,
  "is-task": /^(0|1|f|t|false|true)$/i,
  publish: PORTS,
  expose: PORTS,
};

/** `80`, `80/tcp`, `8000-8080/udp`. */
function fitsPort(port: number | undefined, protocol: string, wanted: string): boolean {
  const [range = "", wantedProtocol = "tcp"] = wanted.split("/");
  const [first, last = first] = range.split("-").map(Number);
  if (port === undefined || first === undefined || last === undefined) return false;
  return protocol === wantedProtocol && port >= first && port <= last;
}

async function ancestorTest(ctx: ContainersContext, values: readonly string[]): Promise<Test> {
  const ids = await Promise.all(
    values.map((value) =>
      ctx.images.port.inspect(value).then(
        ({ id }) => id,
        () => undefined,
      ),
    ),
  );
  return ({ record }) => values.includes(record.spec.image) || ids.includes(record.imageId);
}

async function networkTest(ctx: ContainersContext, values: readonly string[]): Promise<Test> {
  const names = await Promise.all(
    values.map((value) =>
      ctx.networks.find(value).then(
        ({ name }) => name,
        () => value,
      ),
    ),
  );
  return ({ record }) => names.some((name) => name in record.endpoints);
}
