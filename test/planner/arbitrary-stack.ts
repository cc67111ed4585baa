import type { Dependency, Service, Stack } from "../../src/spec/index.ts";
import { fc } from "../support/fast-check.ts";
import { stackOf, volumeOf } from "./stack-builder.ts";

const NAMES = ["a", "b", "c", "d", "e", "f"];

interface Draft {
  readonly kind: "server" | "healthy" | "task";
  readonly image: string;
  readonly level: number;
  readonly scale: number | undefined;
  readonly parallelism: number | undefined;
  readonly hasData: boolean;
  readonly hasCache: boolean;
  readonly network: "default" | "back" | "both" | "host" | "joined";
  readonly restart: string | undefined;
  readonly hasSecret: boolean;
  readonly hasHooks: boolean;
  readonly port: string | undefined;
  /** For each earlier service: whether and how it is needed. */
  readonly needs: readonly (readonly [boolean, boolean, boolean])[];
}

const draft: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constantFrom("server", "healthy", "task"),
  image: fc.constantFrom("one:1", "two:1"),
  level: fc.integer({ min: 1, max: 2 }),
  scale: fc.constantFrom(undefined, undefined, 1, 2, 3, 0),
  parallelism: fc.constantFrom(undefined, undefined, 0, 1, 2),
  hasData: fc.boolean(),
  hasCache: fc.boolean(),
  network: fc.constantFrom("default", "default", "back", "both", "host", "joined"),
  restart: fc.constantFrom(undefined, "always", "on-failure:3"),
  hasSecret: fc.boolean(),
  hasHooks: fc.boolean(),
  port: fc.constantFrom(undefined, "8001", "8002", "8003"),
  needs: fc.array(fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()), { minLength: 6, maxLength: 6 }),
});

/** Stacks that can come up: conditions are only such as their dependencies can meet. */
export const arbitraryStack: fc.Arbitrary<Stack> = fc
  .record({
    drafts: fc.array(draft, { minLength: 1, maxLength: 6 }),
    isInternal: fc.boolean(),
    secret: fc.constantFrom("x", "y"),
  })
  .map(({ drafts, isInternal, secret }) => {
    const services: Record<string, Service> = {};
    drafts.forEach((one, index) => {
      services[NAMES[index] ?? "z"] = serviceOf(one, drafts.slice(0, index));
    });
    return stackOf(services, {
      volumes: volumeOf("data"),
      networks: { back: { name: "shop_back", internal: isInternal } },
      secrets: { key: { name: "shop_key", content: secret } },
    });
  });

function serviceOf(one: Draft, earlier: readonly Draft[]): Service {
  const isTask = one.kind === "task";
  const hasPort =
    one.port !== undefined &&
    (one.scale ?? 1) === 1 &&
    one.network !== "host" &&
    one.network !== "joined" &&
    earlier.every(({ port }) => port !== one.port);
  const isJoined = one.network === "joined" && earlier.length > 0 && canBeJoined(earlier.at(-1));
  const owner = NAMES[earlier.length - 1];
  const depends_on = dependenciesOf(one, earlier);
  const volumes = [
    ...(one.hasData ? [{ type: "volume" as const, source: "data", target: "/data" }] : []),
    ...(one.hasCache ? [{ type: "volume" as const, target: "/cache" }] : []),
  ];
  return {
    image: one.image,
    command: isTask ? ["true"] : ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 5; done"],
    environment: { LEVEL: String(one.level) },
    ...(one.scale !== undefined && { scale: one.scale }),
    ...(one.parallelism !== undefined && {
      deploy: { update_config: { parallelism: one.parallelism } },
    }),
    ...(one.kind === "healthy" && { healthcheck: { test: ["CMD", "true"], interval: "2s" } }),
    ...(one.restart !== undefined && !isTask && { restart: one.restart }),
    ...(volumes.length > 0 && { volumes }),
    ...(hasPort && { ports: [{ target: 80, published: one.port }] }),
    ...(one.hasSecret && { secrets: [{ source: "key" }] }),
    ...(one.hasHooks &&
      !isTask && { post_start: [{ command: ["true"] }], pre_stop: [{ command: ["true"] }] }),
    ...(isJoined ? { network_mode: `service:${owner}` } : networksOf(one)),
    depends_on: isJoined && owner !== undefined ? { ...started(owner), ...depends_on } : depends_on,
  };
}

function canBeJoined(owner: Draft | undefined): boolean {
  return owner !== undefined && owner.kind !== "task" && owner.scale !== 0;
}

function started(name: string): Readonly<Record<string, Dependency>> {
  return { [name]: { condition: "service_started", required: true } };
}

function networksOf({ network }: Draft): Pick<Service, "networks" | "network_mode"> {
  if (network === "host") return { network_mode: "host" };
  if (network === "back") return { networks: { back: null } };
  if (network === "both") return { networks: { default: null, back: { aliases: ["x"] } } };
  return { networks: { default: null } };
}

function dependenciesOf(one: Draft, earlier: readonly Draft[]): Readonly<Record<string, Dependency>> {
  const found: Record<string, Dependency> = {};
  earlier.forEach((other, index) => {
    const [isNeeded = false, isStrict = false, restart = false] = one.needs[index] ?? [];
    const name = NAMES[index];
    if (!isNeeded || name === undefined) return;
    const strict = other.kind === "healthy" ? "service_healthy" : "service_completed_successfully";
    const condition = isStrict && other.kind !== "server" ? strict : "service_started";
    found[name] = { condition, required: true, ...(restart && { restart: true }) };
  });
  return found;
}
