import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { type DiskLayout, diskLayout } from "../../../src/runtime/engine/disk-layout.ts";
import { openLinuxHost } from "../../../src/runtime/engine/host/index.ts";
import type { Host } from "../../../src/runtime/engine/host.ts";
import { openNetworks } from "../../../src/runtime/engine/networks/index.ts";
import type { NetworkPart, Sandbox, SandboxRequest } from "../../../src/runtime/engine/parts.ts";
import type { ContainerSpec, EndpointSpec, NetworkSpec } from "../../../src/runtime/index.ts";

const DNS_QUERY = join(import.meta.dirname, "dns-query.mjs");

const GET =
  'require("http").get(process.argv[1],{timeout:+process.argv[2],agent:false},r=>r.pipe(process.stdout)).on("timeout",()=>process.exit(1)).on("error",()=>process.exit(1))';

export interface OpenContainer {
  readonly id: string;
  readonly name: string;
  readonly request: SandboxRequest;
  readonly sandbox: Sandbox;
  readonly netns: string;
  address(network: string): string;
}

/** A private root and run folder, the network part over the real kernel, and containers that are namespaces only. */
export class NetworkBench {
  readonly folder: string;
  readonly layout: DiskLayout;
  readonly host: Host;
  part: NetworkPart;
  readonly open = new Map<string, OpenContainer>();
  readonly #processes = new Set<ChildProcess>();

  private constructor(folder: string, layout: DiskLayout, host: Host, part: NetworkPart) {
    this.folder = folder;
    this.layout = layout;
    this.host = host;
    this.part = part;
  }

  static async start(): Promise<NetworkBench> {
    const folder = mkdtempSync("/tmp/stowage-net-");
    const layout = diskLayout(join(folder, "root"), join(folder, "run"));
    const host = await openLinuxHost();
    const part = await openNetworks({ layout, host });
    await part.recover(new Map());
    return new NetworkBench(folder, layout, host, part);
  }

  async network(name: string, spec: Omit<NetworkSpec, "name"> = {}): Promise<string> {
    return (await this.part.port.create({ name, ...spec })).id;
  }

  /** Between tests: no process, no container, no network. */
  async reset(): Promise<void> {
    for (const child of this.#processes) child.kill("SIGKILL");
    for (const container of [...this.open.values()]) await this.close(container);
    await this.part.port.prune();
  }

  async container(
    name: string,
    networks: Readonly<Record<string, EndpointSpec>>,
    spec: Partial<ContainerSpec> = {},
    exposedPorts: readonly string[] = [],
  ): Promise<OpenContainer> {
    const id = randomBytes(32).toString("hex");
    const endpoints: Record<string, EndpointSpec> = {};
    for (const [network, endpoint] of Object.entries(networks))
      endpoints[(await this.part.find(network)).id] = endpoint;
    const request: SandboxRequest = {
      containerId: id,
      containerName: name,
      spec: { image: "none", networkMode: Object.keys(networks)[0] ?? "bridge", ...spec },
      hostname: id.slice(0, 12),
      endpoints,
      exposedPorts,
    };
    const sandbox = await this.part.openSandbox(request);
    const container: OpenContainer = {
      id,
      name,
      request,
      sandbox,
      netns: sandbox.netnsPath ?? "/proc/self/ns/net",
      address: (network) => sandbox.endpoints[network]?.ipAddress ?? "no address",
    };
    this.open.set(id, container);
    return container;
  }

  async close(container: OpenContainer): Promise<void> {
    await this.part.closeSandbox(container.id);
    this.open.delete(container.id);
  }

  /** As after `kill -9`: nothing is put away. The sockets of the old part must go by hand, one process stands for two. */
  async restart(): Promise<void> {
    const live = new Map(
      [...this.open.values()].map(({ id, request, sandbox }) => [id, { request, sandbox }] as const),
    );
    await this.part.close();
    this.part = await openNetworks({ layout: this.layout, host: this.host });
    await this.part.recover(live);
  }

  async stop(): Promise<void> {
    await this.reset();
    await this.part.close();
    await this.host.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A web server inside, that answers every path with `text`. */
  async serve({ netns }: OpenContainer, port: number, text: string, bind = ""): Promise<void> {
    const www = join(this.folder, `www-${randomBytes(4).toString("hex")}`);
    mkdirSync(www);
    writeFileSync(join(www, "index.html"), text);
    this.inBackground(netns, "busybox", "httpd", "-f", "-p", `${bind}${port}`, "-h", www);
    await until(() => {
      const table = execIn(netns, "cat", "/proc/net/tcp", "/proc/net/tcp6");
      return table.includes(`:${port.toString(16).toUpperCase().padStart(4, "0")} `);
    });
  }

  /** Answers each datagram with `text`. */
  async serveUdp({ netns }: OpenContainer, port: number, text: string): Promise<void> {
    const script = `const s=require("dgram").createSocket("udp4");s.on("message",(m,f)=>s.send(process.argv[1],f.port,f.address));s.bind(${port})`;
    this.inBackground(netns, process.execPath, "-e", script, text);
    const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")} `;
    await until(() => execIn(netns, "cat", "/proc/net/udp").includes(wanted));
  }

  inBackground(netns: string, ...command: string[]): ChildProcess {
    const child = spawn("nsenter", [`--net=${netns}`, ...command], { stdio: "ignore" });
    this.#processes.add(child);
    child.on("exit", () => this.#processes.delete(child));
    return child;
  }

  /** Interfaces of this instance. */
  links(): readonly string[] {
    return execFileSync("ip", ["-o", "link"], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line.includes(this.layout.instance.slice(0, 6)));
  }

  /** What is there of this instance in the kernel and among processes. */
  leftovers(): readonly string[] {
    const instance = this.layout.instance;
    const tables = execFileSync("nft", ["list", "tables"], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line.includes(instance));
    const mounts = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((line) => line.includes(this.folder));
    return [...this.links(), ...tables, ...mounts, ...this.resolverPids().map((pid) => `process ${pid}`)];
  }

  /** The name resolvers of this instance; one, or none. */
  resolverPids(): readonly number[] {
    return readdirSync("/proc")
      .filter((pid) => /^\d+$/.test(pid))
      .filter((pid) => {
        const comm = readIfThere(`/proc/${pid}/comm`);
        return comm.startsWith("stowage-names") && readIfThere(`/proc/${pid}/environ`).includes(this.folder);
      })
      .map(Number);
  }

  resolverPid(): number {
    const [pid] = this.resolverPids();
    if (pid === undefined) throw new Error("no resolver runs");
    return pid;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

export interface DnsAnswer {
  readonly id: number;
  readonly rcode: string;
  readonly isOwn: boolean;
  readonly isTruncated: boolean;
  readonly data: readonly unknown[];
}

export function ask(
  { netns }: OpenContainer,
  name: string,
  type = "A",
  kind: "udp" | "tcp" = "udp",
): DnsAnswer {
  return JSON.parse(execIn(netns, process.execPath, DNS_QUERY, kind, name, type)) as DnsAnswer;
}

/** As `ask`, while this process goes on: for a server of its own. */
export function askLater(
  { netns }: OpenContainer,
  name: string,
  type = "A",
  kind: "udp" | "tcp" = "udp",
  ...udpPayloadSize: readonly string[]
): Promise<DnsAnswer> {
  return new Promise((resolve, reject) => {
    execFile(
      "nsenter",
      [`--net=${netns}`, process.execPath, DNS_QUERY, kind, name, type, ...udpPayloadSize],
      (error, output) => {
        if (error === null) resolve(JSON.parse(output) as DnsAnswer);
        else reject(error);
      },
    );
  });
}

export function execIn(netns: string, ...command: string[]): string {
  return execFileSync("nsenter", [`--net=${netns}`, ...command], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
}

/** How long an answer that is to come may take. */
const PATIENCE_MS = 15_000;
/** Long enough to see that none comes. */
export const GLANCE_MS = 2_000;

/** The page, or undefined when it cannot be had in time. */
export function pageFromHost(url: string, patienceMs = PATIENCE_MS): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get(url, { timeout: patienceMs, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(text));
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(undefined));
  });
}

export function pageFrom(
  { netns }: OpenContainer,
  url: string,
  patienceMs = PATIENCE_MS,
): string | undefined {
  try {
    return execIn(netns, process.execPath, "-e", GET, url, String(patienceMs));
  } catch {
    return undefined;
  }
}

/** As `pageFrom`, while this process goes on: for several at once. */
export function pageLater(
  { netns }: OpenContainer,
  url: string,
  patienceMs = PATIENCE_MS,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const command = [`--net=${netns}`, process.execPath, "-e", GET, url, String(patienceMs)];
    execFile("nsenter", command, (error, output) => resolve(error === null ? output : undefined));
  });
}

const DATAGRAM =
  'const s=require("dgram").createSocket(process.argv[1].includes(":")?"udp6":"udp4");s.on("message",m=>{process.stdout.write(m);process.exit()});s.send("q",+process.argv[2],process.argv[1]);setTimeout(()=>process.exit(1),+process.argv[3])';

/** The answer to one datagram, or undefined. */
export function udpFrom({ netns }: OpenContainer, address: string, port: number): string | undefined {
  try {
    return execIn(netns, process.execPath, "-e", DATAGRAM, address, String(port), String(PATIENCE_MS));
  } catch {
    return undefined;
  }
}

export function udpFromHost(address: string, port: number): Promise<string | undefined> {
  const command = ["-e", DATAGRAM, address, String(port), String(PATIENCE_MS)];
  return new Promise((resolve) => {
    execFile(process.execPath, command, (error, output) => resolve(error === null ? output : undefined));
  });
}

/** Waits for a condition, not for a time. */
export async function until(isMet: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await isMet())) {
    if (Date.now() > end) throw new Error(`not met within ${timeoutMs} ms: ${isMet.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
