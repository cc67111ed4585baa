import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { compact } from "../lib/compact.ts";
import type { ContainerSpec } from "../runtime/index.ts";
import { usageError } from "./cli-error.ts";
import { withOurValues } from "./commands/exec.ts";
import type { Context } from "./context.ts";
import { integer, noFlag, repeated, seconds } from "./globals.ts";
import { pairs } from "./image-build.ts";
import { parseBytes, parseMount, parseVolume } from "./parse-mount.ts";
import { parsePort } from "./parse-port.ts";
import { parseUlimit } from "./parse-ulimit.ts";
import { readNamedFile } from "./read-file.ts";
import { declareResources, type ResourceFlags, resourcesOf, restartOf } from "./resource-flags.ts";
import { splitCommand } from "./split-command.ts";
import { durationNs } from "./time-option.ts";

/** Options of `run` and `create`. */
export interface ContainerFlags extends ResourceFlags {
  readonly addHost: readonly string[];
  readonly annotation: readonly string[];
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly cgroupParent?: string;
  readonly cgroupns?: "host" | "private";
  readonly cidfile?: string;
  readonly detach?: boolean;
  readonly device: readonly string[];
  readonly deviceCgroupRule: readonly string[];
  readonly dns: readonly string[];
  readonly dnsOption: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly domainname?: string;
  readonly entrypoint?: string;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
  readonly expose: readonly string[];
  readonly groupAdd: readonly string[];
  readonly healthCmd?: string;
  readonly healthInterval?: string;
  readonly healthRetries?: number;
  readonly healthStartInterval?: string;
  readonly healthStartPeriod?: string;
  readonly healthTimeout?: string;
  readonly hostname?: string;
  readonly init?: boolean;
  readonly interactive?: boolean;
  readonly ip?: string;
  readonly ip6?: string;
  readonly ipc?: string;
  readonly label: readonly string[];
  readonly labelFile: readonly string[];
  readonly link: readonly string[];
  readonly logDriver?: string;
  readonly logOpt: readonly string[];
  readonly macAddress?: string;
  readonly mount: readonly string[];
  readonly name?: string;
  readonly network?: string;
  readonly networkAlias: readonly string[];
  readonly noHealthcheck?: boolean;
  readonly oomKillDisable?: boolean;
  readonly oomScoreAdj?: number;
  readonly pid?: string;
  readonly platform?: string;
  readonly privileged?: boolean;
  readonly publish: readonly string[];
  readonly publishAll?: boolean;
  readonly pull: "always" | "missing" | "never";
  readonly quiet?: boolean;
  readonly readOnly?: boolean;
  readonly rm?: boolean;
  readonly runtime?: string;
  readonly securityOpt: readonly string[];
  readonly shmSize?: string;
  readonly stopSignal?: string;
  readonly stopTimeout?: number;
  readonly sysctl: readonly string[];
  readonly tmpfs: readonly string[];
  readonly tty?: boolean;
  readonly ulimit: readonly string[];
  readonly user?: string;
  readonly uts?: string;
  readonly volume: readonly string[];
  readonly volumesFrom: readonly string[];
  readonly workdir?: string;
}

export function declareContainer(command: Command): Command {
  return declareResources(command)
    .addOption(repeated("--add-host <name:ip>", "a line of /etc/hosts"))
    .addOption(repeated("--annotation <key=value>", "annotation for the OCI runtime"))
    .addOption(repeated("--cap-add <capability>", "add a capability"))
    .addOption(repeated("--cap-drop <capability>", "drop a capability"))
    .option("--cgroup-parent <path>", "cgroup to put it in")
    .addOption(new Option("--cgroupns <mode>", "cgroup namespace").choices(["host", "private"]))
    .option("--cidfile <file>", "write its id here")
    .addOption(repeated("--device <host[:container[:rwm]]>", "give it a device"))
    .addOption(repeated("--device-cgroup-rule <rule>", "devices it may use, as c 1:3 rwm"))
    .addOption(repeated("--dns <address>", "name server"))
    .addOption(repeated("--dns-option <option>", "option of /etc/resolv.conf"))
    .addOption(repeated("--dns-search <domain>", "domain to look names up in"))
    .option("--domainname <name>", "NIS domain name")
    .option("--entrypoint <command>", "instead of the image's entrypoint")
    .addOption(repeated("-e, --env <key=value>", "set a variable; KEY alone takes ours"))
    .addOption(repeated("--env-file <file>", "set variables from a file"))
    .addOption(repeated("--expose <port>", "expose a port"))
    .addOption(repeated("--group-add <group>", "further group"))
    .option("--health-cmd <command>", "command that checks its health")
    .option("--health-interval <duration>", "time between checks")
    .option("--health-retries <count>", "failures until it is unhealthy", integer)
    .option("--health-start-interval <duration>", "time between checks while it starts")
    .option("--health-start-period <duration>", "time to start, in which failures do not count")
    .option("--health-timeout <duration>", "longest time of a check")
    .option("-h, --hostname <name>", "host name")
    .option("--init", "run an init process in it")
    .option("-i, --interactive", "keep stdin open")
    .option("--ip <address>", "its address")
    .option("--ip6 <address>", "its IPv6 address")
    .option("--ipc <mode>", "IPC namespace")
    .addOption(repeated("-l, --label <key=value>", "label"))
    .addOption(repeated("--label-file <file>", "labels from a file"))
    .addOption(repeated("--link <container[:alias]>", "reach another container by name"))
    .option("--log-driver <driver>", "log driver")
    .addOption(repeated("--log-opt <key=value>", "option of the log driver"))
    .option("--mac-address <address>", "its MAC address")
    .addOption(repeated("--mount <fields>", "type=bind|volume|tmpfs|image,source=...,target=..."))
    .option("--name <name>", "name")
    .option("--network <network>", "network, or host, none, container:NAME")
    .addOption(repeated("--network-alias <name>", "further name on the network"))
    .addOption(noFlag("--no-healthcheck", "without the image's health check"))
    .option("--oom-kill-disable", "never kill it when memory is short")
    .option("--oom-score-adj <score>", "how readily it is killed, -1000 to 1000", integer)
    .option("--pid <mode>", "PID namespace")
    .option("--platform <os/arch>", "platform of the image")
    .option("--privileged", "with everything allowed")
    .addOption(repeated("-p, --publish <port>", "publish a port"))
    .option("-P, --publish-all", "publish all exposed ports")
    .addOption(
      new Option("--pull <policy>", "when to pull")
        .choices(["always", "missing", "never"])
        .default("missing"),
    )
    .option("-q, --quiet", "pull without progress")
    .option("--read-only", "with a read-only root")
    .option("--rm", "remove it when it has ended")
    .option("--runtime <name>", "OCI runtime")
    .addOption(repeated("--security-opt <option>", "security option"))
    .option("--shm-size <bytes>", "size of /dev/shm")
    .option("--stop-signal <signal>", "signal that stops it")
    .option("--stop-timeout <seconds>", "time to stop", seconds)
    .addOption(repeated("--sysctl <key=value>", "kernel setting"))
    .addOption(repeated("--tmpfs <path[:options]>", "tmpfs mount"))
    .option("-t, --tty", "with a terminal")
    .addOption(repeated("--ulimit <name=soft[:hard]>", "limit"))
    .option("-u, --user <user>", "run as this user")
    .option("--uts <mode>", "UTS namespace")
    .addOption(repeated("-v, --volume <source:target>", "mount a folder or volume"))
    .addOption(repeated("--volumes-from <container>", "mount another container's volumes"))
    .option("-w, --workdir <path>", "working folder");
}

export async function containerSpecOf(
  context: Context,
  {
    image,
    command,
    flags,
  }: { readonly image: string; readonly command: readonly string[]; readonly flags: ContainerFlags },
): Promise<ContainerSpec> {
  const { io } = context;
  const lines = await linesOf(flags.envFile, io.cwd);
  const labels = [...(await linesOf(flags.labelFile, io.cwd)), ...flags.label];
  const env = withOurValues([...lines, ...flags.env], io.env);
  const mounts = [
    ...flags.volume.map((text) => parseVolume(text, io.cwd)),
    ...flags.mount.map((text) => parseMount(text, io.cwd)),
    ...flags.tmpfs.map((text) => tmpfsOf(text)),
  ];
  const endpoint = {
    ...(flags.ip !== undefined && { ipv4Address: flags.ip }),
    ...(flags.ip6 !== undefined && { ipv6Address: flags.ip6 }),
    ...(flags.macAddress !== undefined && { macAddress: flags.macAddress }),
    ...(flags.link.length > 0 && isOwnNetwork(flags.network) && { links: flags.link }),
    ...(flags.networkAlias.length > 0 && { aliases: flags.networkAlias }),
  };
  const healthcheck = healthcheckOf(flags);
  const resources = {
    ...resourcesOf(flags),
    ...(flags.oomKillDisable === true && { oomKillDisable: true }),
  };
  const hasInput = flags.interactive === true && flags.detach !== true;
  return {
    image,
    ...(command.length > 0 && { command }),
    ...(flags.entrypoint !== undefined && {
      entrypoint: splitCommand(flags.entrypoint) ?? [flags.entrypoint],
    }),
    ...(env.length > 0 && { env }),
    ...(labels.length > 0 && { labels: pairs(labels) }),
    ...(flags.annotation.length > 0 && { annotations: pairs(flags.annotation) }),
    ...(flags.platform !== undefined && { platform: flags.platform }),
    ...(flags.user !== undefined && { user: flags.user }),
    ...(flags.groupAdd.length > 0 && { groupAdd: flags.groupAdd }),
    ...(flags.workdir !== undefined && { workingDir: flags.workdir }),
    ...(flags.hostname !== undefined && { hostname: flags.hostname }),
    ...(flags.domainname !== undefined && { domainname: flags.domainname }),
    ...(flags.tty === true && { tty: true }),
    ...(flags.detach !== true && { attachStdout: true, attachStderr: true }),
    ...(flags.interactive === true && { openStdin: true, stdinOnce: hasInput, attachStdin: hasInput }),
    ...(flags.stopSignal !== undefined && { stopSignal: flags.stopSignal }),
    ...(flags.stopTimeout !== undefined && { stopTimeoutSeconds: flags.stopTimeout }),
    ...(healthcheck !== undefined && { healthcheck }),
    ...(flags.restart !== undefined && { restartPolicy: restartOf(flags.restart) }),
    ...(flags.rm === true && { autoRemove: true }),
    ...(flags.init === true && { init: true }),
    ...(mounts.length > 0 && { mounts }),
    ...(flags.volumesFrom.length > 0 && { volumesFrom: flags.volumesFrom }),
    ...(flags.readOnly === true && { readOnlyRootfs: true }),
    ...(flags.shmSize !== undefined && { shmSizeBytes: parseBytes(flags.shmSize) }),
    ...(flags.network !== undefined && { networkMode: flags.network }),
    ...(Object.keys(endpoint).length > 0 && { networks: { [flags.network ?? "bridge"]: endpoint } }),
    ...(flags.link.length > 0 && { links: flags.link }),
    ...(flags.expose.length > 0 && {
      exposedPorts: flags.expose.map((port) => (port.includes("/") ? port : `${port}/tcp`)),
    }),
    ...(flags.publish.length > 0 && { ports: flags.publish.flatMap(parsePort) }),
    ...(flags.publishAll === true && { publishAllPorts: true }),
    ...(flags.dns.length > 0 && { dns: flags.dns }),
    ...(flags.dnsOption.length > 0 && { dnsOptions: flags.dnsOption }),
    ...(flags.dnsSearch.length > 0 && { dnsSearch: flags.dnsSearch }),
    ...(flags.addHost.length > 0 && { extraHosts: flags.addHost.map((host) => host.replace("=", ":")) }),
    ...(flags.ipc !== undefined && { ipcMode: flags.ipc }),
    ...(flags.pid !== undefined && { pidMode: flags.pid }),
    ...(flags.uts !== undefined && { utsMode: flags.uts }),
    ...(flags.cgroupns !== undefined && { cgroupnsMode: flags.cgroupns }),
    ...(flags.cgroupParent !== undefined && { cgroupParent: flags.cgroupParent }),
    ...(flags.privileged === true && { privileged: true }),
    ...(flags.capAdd.length > 0 && { capAdd: flags.capAdd.map(capabilityName) }),
    ...(flags.capDrop.length > 0 && { capDrop: flags.capDrop.map(capabilityName) }),
    ...(flags.securityOpt.length > 0 && { securityOptions: flags.securityOpt }),
    ...(flags.deviceCgroupRule.length > 0 && { deviceCgroupRules: flags.deviceCgroupRule }),
    ...(flags.device.length > 0 && { devices: flags.device.map(deviceOf) }),
    ...(flags.ulimit.length > 0 && { ulimits: flags.ulimit.map(parseUlimit) }),
    ...(flags.sysctl.length > 0 && { sysctls: pairs(flags.sysctl) }),
    ...(flags.oomScoreAdj !== undefined && { oomScoreAdj: flags.oomScoreAdj }),
    ...(flags.runtime !== undefined && { runtime: flags.runtime }),
    ...((flags.logDriver !== undefined || flags.logOpt.length > 0) && {
      log: {
        ...(flags.logDriver !== undefined && { driver: flags.logDriver }),
        options: pairs(flags.logOpt),
      },
    }),
    ...(Object.keys(resources).length > 0 && { resources }),
  };
}

/** A network that somebody made, where a link is a name of the endpoint. */
function isOwnNetwork(network = "default"): boolean {
  return !/^(default|bridge|host|none|container:.*)$/.test(network);
}

function capabilityName(text: string): string {
  const name = text.toUpperCase();
  return name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`;
}

/** Of variables or labels: one a line, without comments. */
export async function linesOf(files: readonly string[], cwd: string): Promise<readonly string[]> {
  const texts = await Promise.all(
    files.map(async (path) => (await readNamedFile(resolve(cwd, path))).toString("utf8")),
  );
  return texts
    .flatMap((text) => text.split(/\r?\n/))
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
}

function healthcheckOf(flags: ContainerFlags): ContainerSpec["healthcheck"] {
  if (flags.noHealthcheck === true) return { test: ["NONE"] };
  const check = compact<NonNullable<ContainerSpec["healthcheck"]>>({
    test: flags.healthCmd === undefined ? undefined : ["CMD-SHELL", flags.healthCmd],
    intervalMs: milliseconds(flags.healthInterval),
    timeoutMs: milliseconds(flags.healthTimeout),
    startPeriodMs: milliseconds(flags.healthStartPeriod),
    startIntervalMs: milliseconds(flags.healthStartInterval),
    retries: flags.healthRetries,
  });
  return Object.keys(check).length === 0 ? undefined : check;
}

function milliseconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ns = durationNs(text);
  if (ns === undefined) throw usageError(`Invalid duration "${text}"`);
  return Number(ns / 1_000_000n);
}

function tmpfsOf(text: string): NonNullable<ContainerSpec["mounts"]>[number] {
  const [target = "", options = ""] = text.split(":");
  return { type: "tmpfs", target, options: options === "" ? [] : options.split(",") };
}

function deviceOf(text: string) {
  const [hostPath = "", second, third] = text.split(":");
  const isPermissions = second !== undefined && /^[rwm]+$/.test(second);
  return {
    hostPath,
    containerPath: second === undefined || isPermissions ? hostPath : second,
    permissions: third ?? (isPermissions ? second : "rwm"),
  };
}
