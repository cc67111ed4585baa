import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { RuntimeError } from "../index.ts";

/** Where an engine is, and who said so. */
export interface EngineAddress {
  /** `unix:///path`, `tcp://host:port`, `http://`, `https://`, `ssh://`. */
  readonly host: string;
  readonly source: string;
  readonly tls?: EngineTls;
}

export interface EngineTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Off: the server's certificate is not checked. */
  readonly isVerified: boolean;
}

export interface FindEngineOptions {
  /** `--host`. */
  readonly host?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly home?: string;
}

type Search = Required<Pick<FindEngineOptions, "env" | "home">> & Pick<FindEngineOptions, "host">;
type Strategy = (search: Search) => EngineAddress | undefined;

/** The first that knows an engine wins. */
const STRATEGIES: readonly Strategy[] = [fromOption, fromDockerHost, fromContext, fromUsualSockets];

/** The docker client's own order: the option, `DOCKER_HOST`, the current context, then sockets that are there. */
export function findEngine(options: FindEngineOptions = {}): EngineAddress {
  const search = {
    env: options.env ?? process.env,
    home: options.home ?? homedir(),
    ...(options.host === undefined ? {} : { host: options.host }),
  };
  for (const strategy of STRATEGIES) {
    const address = strategy(search);
    if (address !== undefined) return address;
  }
  throw new RuntimeError(
    "unavailable",
    `Cannot find a Docker-compatible engine: DOCKER_HOST and the docker context are not set, and no socket is at ${usualSockets(search).join(", ")}`,
  );
}

function fromOption(search: Search): EngineAddress | undefined {
  const { host } = search;
  return host ? withEnvTls({ host, source: "the given host" }, search) : undefined;
}

function fromDockerHost(search: Search): EngineAddress | undefined {
  const host = search.env["DOCKER_HOST"];
  return host ? withEnvTls({ host, source: "DOCKER_HOST" }, search) : undefined;
}

function withEnvTls(address: EngineAddress, search: Search): EngineAddress {
  const isVerified = Boolean(search.env["DOCKER_TLS_VERIFY"]);
  const folder = search.env["DOCKER_CERT_PATH"];
  if (address.host.startsWith("unix:") || (!isVerified && !folder)) return address;
  return { ...address, tls: { ...readCertificates(folder || configFolder(search)), isVerified } };
}

function configFolder({ env, home }: Search): string {
  return env["DOCKER_CONFIG"] || join(home, ".docker");
}

function readCertificates(folder: string): Omit<EngineTls, "isVerified"> {
  const names = ["ca", "cert", "key"] as const;
  const found = names
    .map((name) => [name, join(folder, `${name}.pem`)] as const)
    .filter(([, path]) => existsSync(path))
    .map(([name, path]) => [name, readFileSync(path, "utf8")] as const);
  return Object.fromEntries(found);
}

/** `DOCKER_CONTEXT`, or the current one of the docker client's configuration. */
function fromContext(search: Search): EngineAddress | undefined {
  const folder = configFolder(search);
  const name =
    search.env["DOCKER_CONTEXT"] || textAt(readJson(join(folder, "config.json")), "currentContext");
  if (!name || name === "default") return undefined;
  // Loaded only here: most commands never ask for a context.
  const { createHash } = process.getBuiltinModule("node:crypto");
  const id = createHash("sha256").update(name).digest("hex");
  const meta = readJson(join(folder, "contexts", "meta", id, "meta.json"));
  const docker = objectAt(objectAt(meta, "Endpoints"), "docker");
  const host = textAt(docker, "Host");
  if (host === undefined)
    throw new RuntimeError("unavailable", `Cannot use the docker context "${name}": it does not exist`);
  const source = `the docker context "${name}"`;
  const certificates = readCertificates(join(folder, "contexts", "tls", id, "docker"));
  if (Object.keys(certificates).length === 0) return { host, source };
  return { host, source, tls: { ...certificates, isVerified: docker["SkipTLSVerify"] !== true } };
}

function fromUsualSockets(search: Search): EngineAddress | undefined {
  const path = usualSockets(search).find((socket) => existsSync(socket));
  return path === undefined ? undefined : { host: `unix://${path}`, source: "a usual place" };
}

function usualSockets({ env, home }: Search): readonly string[] {
  const runtimeDir = env["XDG_RUNTIME_DIR"];
  return [
    "/var/run/docker.sock",
    ...(runtimeDir ? [join(runtimeDir, "docker.sock")] : []),
    join(home, ".docker/run/docker.sock"),
    join(home, ".docker/desktop/docker.sock"),
    join(home, ".colima/default/docker.sock"),
    join(home, ".rd/docker.sock"),
    join(home, ".orbstack/run/docker.sock"),
    ...(runtimeDir ? [join(runtimeDir, "podman/podman.sock")] : []),
    "/run/podman/podman.sock",
  ];
}

type Json = Readonly<Record<string, unknown>>;

function readJson(path: string): Json {
  try {
    return asObject(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return {};
  }
}

function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function objectAt(object: Json | undefined, key: string): Json {
  return asObject(object?.[key]);
}

function textAt(object: Json, key: string): string | undefined {
  const value = object[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}
