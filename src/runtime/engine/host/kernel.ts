import { execFileSync } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../host.ts";
import { attachMount } from "./attach-mount.ts";
import { forgetDatagramFlows } from "./conntrack.ts";
import type { Libc } from "./libc.ts";
import {
  addAddress,
  addDefaultRoute,
  addVeth,
  deleteDefaultRoutes,
  deleteLink,
  ensureBridge,
  setBridgePort,
  setLinkUp,
} from "./links.ts";
import { Mounts, needsMountHelper } from "./mounts.ts";
import { Namespaces } from "./namespaces.ts";
import { Netlink } from "./netlink.ts";
import type { NftLibrary } from "./nftables.ts";
import { sealedCopy } from "./sealed-copy.ts";

/** The `Host` port without its promises: each call is done when it returns. */
export type KernelCalls = {
  readonly [Name in keyof Host]: (...parameters: Parameters<Host[Name]>) => Awaited<ReturnType<Host[Name]>>;
};

const LOOPBACK_INDEX = 1;

/** `nft`: absent where libnftables is missing; then nft(8) is run. */
export function makeKernel(libc: Libc, nft: NftLibrary | undefined): KernelCalls {
  const mounts = new Mounts(libc);
  const namespaces = new Namespaces(libc, mounts);
  const links = new Netlink(libc);
  let machineNft: ReturnType<NftLibrary["open"]> | undefined;

  const withLinksInside = (path: string, work: (inner: Netlink) => void): void =>
    namespaces.inside(path, () => {
      const inner = new Netlink(libc);
      try {
        work(inner);
      } finally {
        inner.close();
      }
    });

  return {
    mountOverlay: (mount) => mounts.overlay(mount),
    bindMount: (source, target, options) => mounts.bind(source, target, options),
    mount: (fileSystem, source, target, options = "") => {
      if (needsMountHelper(fileSystem))
        runProgram("mount", ["-t", fileSystem, "-o", options || "defaults", source, target]);
      else mounts.mount(fileSystem, source, target, options);
    },
    makePrivate: (target) => mounts.makePrivate(target),
    attachMount: (mount, targetFd) => attachMount(libc, mount, targetFd),
    unmount: (target, options) => mounts.unmount(target, options?.lazy === true),
    sealedCopy: (path) => sealedCopy(libc, path),
    tryLock: (fd) => libc.tryLock(fd),

    createNetns: (path) =>
      namespaces.create(path, () => {
        const inner = new Netlink(libc);
        try {
          setLinkUp(inner, LOOPBACK_INDEX);
        } finally {
          inner.close();
        }
      }),
    removeNetns: (path) => namespaces.remove(path),
    createBridge: (bridge) => {
      const isOthers = linkNames().includes(bridge.name);
      ensureBridge(links, bridge.name, bridge.mtu);
      const hasIpv6 = bridge.addresses.some((address) => address.includes(":"));
      // One that was there keeps what it has.
      if (!hasIpv6 && !isOthers) disableIpv6(bridge.name);
      const index = libc.interfaceIndex(bridge.name);
      for (const address of bridge.addresses) addAddress(links, index, address);
      setLinkUp(links, index);
    },
    removeLink: (name) => deleteLink(links, name),
    linkNames: () => linkNames(),
    connectVeth: (veth) => {
      const bridgeIndex = libc.interfaceIndex(veth.bridge);
      const netnsFd = openSync(veth.netnsPath, "r");
      try {
        addVeth(links, {
          hostName: veth.hostName,
          bridgeIndex,
          peerName: veth.interfaceName,
          peerMac: veth.macAddress,
          netnsFd,
          mtu: veth.mtu,
        });
      } finally {
        closeSync(netnsFd);
      }
      setBridgePort(links, libc.interfaceIndex(veth.hostName), {
        isHairpin: true,
        isIsolated: veth.isolated === true,
      });
      disableIpv6(veth.hostName);
      withLinksInside(veth.netnsPath, (inner) => {
        if (!veth.addresses.some((address) => address.includes(":"))) disableIpv6(veth.interfaceName);
        const index = libc.interfaceIndex(veth.interfaceName);
        for (const address of veth.addresses) addAddress(inner, index, address);
        setLinkUp(inner, index);
        for (const gateway of [veth.ipv4Gateway, veth.ipv6Gateway])
          if (gateway !== undefined) addDefaultRoute(inner, gateway, index);
      });
    },
    disconnectVeth: (netnsPath, interfaceName) => {
      if (existsSync(netnsPath)) withLinksInside(netnsPath, (inner) => deleteLink(inner, interfaceName));
    },
    setDefaultRoute: (netnsPath, gateways) =>
      withLinksInside(netnsPath, (inner) => {
        deleteDefaultRoutes(inner, 4);
        deleteDefaultRoutes(inner, 6);
        for (const gateway of [gateways.ipv4, gateways.ipv6])
          if (gateway !== undefined) addDefaultRoute(inner, gateway);
      }),
    sysctl: (values, netnsPath) => {
      const write = (): void => {
        for (const [name, value] of Object.entries(values)) writeFileSync(join("/proc/sys", name), value);
      };
      if (netnsPath === undefined) write();
      else namespaces.inside(netnsPath, write);
    },
    nft: (commands, netnsPath) => {
      if (netnsPath !== undefined)
        return namespaces.inside(netnsPath, () =>
          nft === undefined ? spawnNft(commands) : runOnce(nft, commands),
        );
      machineNft ??= nft?.open();
      return machineNft === undefined ? spawnNft(commands) : machineNft.run(commands);
    },
    forgetDatagramFlows: (ports, addresses) => forgetDatagramFlows(libc, ports, addresses),
    close: () => {
      machineNft?.close();
      links.close();
      namespaces.close();
    },
  };
}

function runOnce(nft: NftLibrary, commands: string): string {
  const { run, close } = nft.open();
  try {
    return run(commands);
  } finally {
    close();
  }
}

function spawnNft(commands: string): string {
  return runProgram("nft", ["-f", "-"], commands);
}

function runProgram(program: string, programArguments: readonly string[], input = ""): string {
  try {
    return execFileSync(program, programArguments, {
      encoding: "utf8",
      input,
      stdio: ["pipe", "pipe", "pipe"],
    });
  } catch (error) {
    const text = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    throw new Error(text === "" ? `${program} failed` : text, { cause: error });
  }
}

/** Without an address of ours no link-local one either: it would be a way round the network's own rules. */
function disableIpv6(interfaceName: string): void {
  const path = `/proc/sys/net/ipv6/conf/${interfaceName}/disable_ipv6`;
  if (existsSync(path)) writeFileSync(path, "1");
}

function linkNames(): readonly string[] {
  return readFileSync("/proc/thread-self/net/dev", "utf8")
    .split("\n")
    .slice(2)
    .map((line) => line.split(":")[0]?.trim() ?? "")
    .filter((name) => name !== "");
}
