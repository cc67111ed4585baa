import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { tryFlock } from "../../../lib/try-flock.ts";
import type { Host } from "../host.ts";
import { kernelError } from "./linux-host.ts";

/** The same by programs every Linux has: slower, and an overlay's layers must fit one page of text. */
export class CommandHost implements Host {
  async mountOverlay(mount: Parameters<Host["mountOverlay"]>[0]): Promise<void> {
    const options = [`lowerdir=${mount.lower.map(escapePath).join(":")}`];
    if (mount.upper !== undefined && mount.work !== undefined)
      options.push(
        `upperdir=${escapePath(mount.upper)}`,
        `workdir=${escapePath(mount.work)}`,
        "redirect_dir=off",
        "index=off",
        "metacopy=off",
      );
    if (mount.volatile === true) options.push("volatile");
    await run(["mount", "-t", "overlay", "overlay", "-o", options.join(","), mount.target]);
  }

  async bindMount(
    source: string,
    target: string,
    options: { readonly readOnly?: boolean; readonly recursive?: boolean } = {},
  ): Promise<void> {
    // mount(8) would ask where a descriptor leads, and mount what lies at that path by then.
    const asItIs = /^\/proc\/\d+\/fd\//.test(source) ? ["--no-canonicalize"] : [];
    await run(["mount", ...asItIs, options.recursive === true ? "--rbind" : "--bind", source, target]);
    if (options.readOnly === true) await run(["mount", "-o", "remount,bind,ro", target]);
  }

  async mount(fileSystem: string, source: string, target: string, options = ""): Promise<void> {
    await run(["mount", "-t", fileSystem, "-o", options || "defaults", source, target]);
  }

  async makePrivate(target: string): Promise<void> {
    await run(["mount", "--make-private", target]);
  }

  /** mount(8) takes paths only. */
  async attachMount(): Promise<boolean> {
    return false;
  }

  async unmount(target: string, options: { readonly lazy?: boolean } = {}): Promise<void> {
    if (!isMountPoint(target)) return;
    await run(["umount", ...(options.lazy === true ? ["-l"] : []), target]);
  }

  /** There is no program for it. */
  async sealedCopy(): Promise<undefined> {}

  async tryLock(fd: number): Promise<boolean> {
    try {
      return tryFlock(fd);
    } catch (error) {
      throw kernelError(error instanceof Error ? error.message : String(error), codeOf(error));
    }
  }

  async createNetns(path: string): Promise<void> {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    try {
      closeSync(openSync(path, "wx", 0o444));
    } catch (error) {
      throw kernelError(error instanceof Error ? error.message : String(error), codeOf(error));
    }
    try {
      await run(["unshare", `--net=${path}`, "ip", "link", "set", "lo", "up"]);
    } catch (error) {
      await this.removeNetns(path);
      throw error;
    }
  }

  async removeNetns(path: string): Promise<void> {
    await this.unmount(path, { lazy: true });
    rmSync(path, { force: true });
  }

  async createBridge(bridge: Parameters<Host["createBridge"]>[0]): Promise<void> {
    const mtu = bridge.mtu === undefined ? "" : ` mtu ${bridge.mtu}`;
    if ((await this.linkNames()).includes(bridge.name)) {
      const kind = await run(["ip", "-o", "-d", "link", "show", "dev", bridge.name]);
      if (!/\bbridge\b.*\bforward_delay\b/.test(kind))
        throw kernelError(`create bridge ${bridge.name}: it is no bridge`, "ENOTSUP");
    } else await ipBatch([`link add ${bridge.name}${mtu} type bridge`]);
    await ipBatch([
      ...bridge.addresses.map((address) => `addr replace ${address} dev ${bridge.name}${nodad(address)}`),
      `link set ${bridge.name} up`,
    ]);
  }

  async removeLink(name: string): Promise<void> {
    if ((await this.linkNames()).includes(name)) await ipBatch([`link del ${name}`]);
  }

  async linkNames(): Promise<readonly string[]> {
    return readFileSync("/proc/self/net/dev", "utf8")
      .split("\n")
      .slice(2)
      .map((line) => line.split(":")[0]?.trim() ?? "")
      .filter((name) => name !== "");
  }

  async connectVeth(veth: Parameters<Host["connectVeth"]>[0]): Promise<void> {
    const mtu = veth.mtu === undefined ? "" : ` mtu ${veth.mtu}`;
    const temporary = `${veth.hostName.slice(0, 14)}p`;
    await ipBatch([
      `link add ${veth.hostName}${mtu} type veth peer name ${temporary}${mtu} address ${veth.macAddress}`,
    ]);
    await insideNetns(veth.netnsPath, ["true"]);
    await run(["ip", "link", "set", temporary, "netns", veth.netnsPath]);
    await ipBatch([`link set ${veth.hostName} master ${veth.bridge} up`]);
    await ipBatch([
      `link set ${veth.hostName} type bridge_slave hairpin on isolated ${veth.isolated === true ? "on" : "off"}`,
    ]);
    const lines = [
      `link set ${temporary} name ${veth.interfaceName}`,
      ...veth.addresses.map(
        (address) => `addr add ${address} ${broadcast(address)}dev ${veth.interfaceName}${nodad(address)}`,
      ),
      `link set ${veth.interfaceName} up`,
      ...defaultRoutes({ ipv4: veth.ipv4Gateway, ipv6: veth.ipv6Gateway }),
    ];
    await insideNetns(veth.netnsPath, ["ip", "-batch", "-"], `${lines.join("\n")}\n`);
  }

  async disconnectVeth(netnsPath: string, interfaceName: string): Promise<void> {
    if (!isMountPoint(netnsPath)) return;
    await insideNetns(netnsPath, ["sh", "-c", `ip link del "$1" 2>/dev/null || true`, "sh", interfaceName]);
  }

  async setDefaultRoute(
    netnsPath: string,
    gateways: { readonly ipv4?: string; readonly ipv6?: string },
  ): Promise<void> {
    await insideNetns(netnsPath, ["sh", "-c", "ip route flush default; ip -6 route flush default"]);
    const routes = defaultRoutes(gateways);
    if (routes.length > 0) await insideNetns(netnsPath, ["ip", "-batch", "-"], `${routes.join("\n")}\n`);
  }

  async sysctl(values: Readonly<Record<string, string>>, netnsPath?: string): Promise<void> {
    for (const [name, value] of Object.entries(values)) {
      const command = ["sh", "-c", `printf %s "$2" > "/proc/sys/$1"`, "sh", name, value];
      if (netnsPath === undefined) await run(command);
      else await insideNetns(netnsPath, command);
    }
  }

  async nft(commands: string, netnsPath?: string): Promise<string> {
    const command = ["nft", "-f", "-"];
    return netnsPath === undefined ? run(command, commands) : insideNetns(netnsPath, command, commands);
  }

  /** conntrack(8) is seldom installed. */
  async forgetDatagramFlows(): Promise<void> {}

  async close(): Promise<void> {}
}

function escapePath(path: string): string {
  return path.replace(/[\\:,]/g, (character) => `\\${character}`);
}

/** As the kernel would compute it, where there is one. */
function broadcast(address: string): string {
  return address.includes(":") || /\/3[12]$/.test(address) ? "" : "broadcast + ";
}

function nodad(address: string): string {
  return address.includes(":") ? " nodad" : "";
}

function defaultRoutes(gateways: { readonly ipv4?: string | undefined; readonly ipv6?: string | undefined }) {
  return [
    ...(gateways.ipv4 === undefined ? [] : [`route add default via ${gateways.ipv4}`]),
    ...(gateways.ipv6 === undefined ? [] : [`route add ::/0 via ${gateways.ipv6}`]),
  ];
}

function isMountPoint(path: string): boolean {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .some((line) => line.split(" ")[4] === path.replaceAll(" ", "\\040"));
}

function ipBatch(lines: readonly string[]): Promise<string> {
  return run(["ip", "-batch", "-"], `${lines.join("\n")}\n`);
}

function insideNetns(path: string, command: readonly string[], input?: string): Promise<string> {
  return run(["nsenter", `--net=${path}`, ...command], input);
}

/** Resolves to what it printed; rejects with what it complained of. */
function run(command: readonly string[], input = ""): Promise<string> {
  const [program = "", ...programArguments] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, programArguments, { stdio: ["pipe", "pipe", "pipe"] });
    let [output, complaint] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint += text;
    });
    child.stdin.on("error", () => undefined);
    child.on("error", (error) => reject(kernelError(`Cannot run ${program}: ${error.message}`, "ENOENT")));
    child.on("close", (exitCode) => {
      if (exitCode === 0) resolve(output);
      else reject(kernelError(complaint.trim() || `${program} ended with ${exitCode}`, codeIn(complaint)));
    });
    child.stdin.end(input);
  });
}

const CODES: readonly (readonly [RegExp, string])[] = [
  [/no such file|does not exist/i, "ENOENT"],
  [/file exists/i, "EEXIST"],
  [/permission denied|not permitted/i, "EPERM"],
  [/no space left/i, "ENOSPC"],
];

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

function codeIn(complaint: string): string | undefined {
  return CODES.find(([pattern]) => pattern.test(complaint))?.[1];
}
