import { spawn } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import { readFileIfThere, writeFileAtomically } from "../lib/atomic-file.ts";
import { type RegistryCredentials, RuntimeError } from "../runtime/index.ts";
import type { Environment } from "./daemon-paths.ts";

const HUB = "https://index.docker.io/v1/";

interface DockerConfig {
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
}

/** The registry that a reference names, as docker's configuration calls it: `redis:7` is the Hub's. */
export function registryOf(reference: string): string {
  const [first = "", ...rest] = reference.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost ? registryNamed(first) : HUB;
}

/** A registry's host as docker's configuration calls it; none is the Hub. */
export function registryNamed(host: string | undefined): string {
  const plain = (host ?? "").replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return plain === "" || plain === "docker.io" || plain === "index.docker.io" ? HUB : plain;
}

export function dockerConfigPath(env: Environment): string {
  return join(env["DOCKER_CONFIG"] || join(env["HOME"] || homedir(), ".docker"), "config.json");
}

/** What the docker client's files know of a registry: a helper's answer, or what is in the file. */
export async function credentialsFor(
  reference: string,
  env: Environment,
): Promise<RegistryCredentials | undefined> {
  const config = await readConfig(env);
  const registry = registryOf(reference);
  const helper = config.credHelpers?.[registry] ?? config.credsStore;
  if (helper !== undefined && helper !== "") return askHelper(helper, registry);
  const { auths = {} } = config;
  const entry = auths[registry] ?? auths[`https://${registry}`] ?? auths[`https://${registry}/v1/`];
  if (entry === undefined) return undefined;
  if (entry.identitytoken !== undefined)
    return { identityToken: entry.identitytoken, serverAddress: registry };
  const [username = "", ...password] = Buffer.from(entry.auth ?? "", "base64")
    .toString("utf8")
    .split(":");
  if (username === "") return undefined;
  return { username, password: password.join(":"), serverAddress: registry };
}

/** Keeps credentials where the docker client looks for them; readable for their owner only. */
export async function storeCredentials(credentials: RegistryCredentials, env: Environment): Promise<string> {
  const config = await readConfig(env);
  const registry = credentials.serverAddress ?? HUB;
  const helper = config.credHelpers?.[registry] ?? config.credsStore;
  if (helper !== undefined && helper !== "") {
    await runHelper(helper, "store", {
      ServerURL: registry,
      Username: credentials.username ?? "<token>",
      Secret: credentials.identityToken ?? credentials.password ?? "",
    });
    return `helper ${helper}`;
  }
  const auth = Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64");
  const entry =
    credentials.identityToken === undefined ? { auth } : { auth, identitytoken: credentials.identityToken };
  await writeConfig({ ...config, auths: { ...config.auths, [registry]: entry } }, env);
  return dockerConfigPath(env);
}

/** Whether there were any. */
export async function eraseCredentials(registry: string, env: Environment): Promise<boolean> {
  const config = await readConfig(env);
  const helper = config.credHelpers?.[registry] ?? config.credsStore;
  if (helper !== undefined && helper !== "") {
    await runHelper(helper, "erase", registry);
    return true;
  }
  const { [registry]: gone, ...auths } = config.auths ?? {};
  if (gone === undefined) return false;
  await writeConfig({ ...config, auths }, env);
  return true;
}

async function readConfig(env: Environment): Promise<DockerConfig> {
  const path = dockerConfigPath(env);
  const text = await readFileIfThere(path);
  if (text === undefined || text.trim() === "") return {};
  try {
    return JSON.parse(text) as DockerConfig;
  } catch (cause) {
    throw new RuntimeError("invalid", `Cannot read ${path}: it is not JSON`, { cause });
  }
}

async function writeConfig(config: DockerConfig, env: Environment): Promise<void> {
  const path = dockerConfigPath(env);
  const { mkdir } = await import("node:fs/promises");
  await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
  await writeFileAtomically(path, `${JSON.stringify(config, undefined, "\t")}\n`, { mode: 0o600 });
}

async function askHelper(helper: string, registry: string): Promise<RegistryCredentials | undefined> {
  const answer = await runHelper(helper, "get", registry).catch(() => undefined);
  if (answer === undefined) return undefined;
  const { Username, Secret } = JSON.parse(answer) as { readonly Username?: string; readonly Secret?: string };
  if (Secret === undefined) return undefined;
  return Username === "<token>"
    ? { identityToken: Secret, serverAddress: registry }
    : { ...(Username !== undefined && { username: Username }), password: Secret, serverAddress: registry };
}

/** The docker-credential-helpers protocol: the request on stdin, the answer on stdout. */
function runHelper(helper: string, action: "get" | "store" | "erase", input: unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${helper}`, [action], { stdio: ["pipe", "pipe", "ignore"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString("utf8");
    });
    child.on("error", (cause) =>
      reject(new RuntimeError("unavailable", `Cannot run docker-credential-${helper}`, { cause })),
    );
    child.on("close", (code) =>
      code === 0
        ? resolve(output)
        : reject(
            new RuntimeError(
              "unauthorized",
              `docker-credential-${helper} ${action} failed: ${output.trim()}`,
            ),
          ),
    );
    child.stdin.end(typeof input === "string" ? input : JSON.stringify(input));
  });
}
