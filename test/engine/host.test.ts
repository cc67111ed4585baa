import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CommandHost } from "../../src/runtime/engine/host/command-host.ts";
import { openLinuxHost } from "../../src/runtime/engine/host/index.ts";
import { loadLibc, SystemError } from "../../src/runtime/engine/host/libc.ts";
import { Mounts } from "../../src/runtime/engine/host/mounts.ts";
import type { Host } from "../../src/runtime/engine/host.ts";

const hosts: Readonly<Record<string, () => Promise<Host>>> = {
  "the kernel worker": openLinuxHost,
  "mount, ip and nft": async () => new CommandHost(),
};

function inNetns(path: string, ...command: string[]): string {
  return execFileSync("nsenter", [`--net=${path}`, ...command], { encoding: "utf8" });
}

describe.each(Object.entries(hosts))("host by %s", (_name, open) => {
  let host: Host;
  let folder: string;
  const suffix = process.pid.toString(36).slice(-4);
  const bridge = `tsth${suffix}`;
  const folderOf = (name: string): string => {
    mkdirSync(join(folder, name), { recursive: true });
    return join(folder, name);
  };

  beforeEach(async () => {
    folder = mkdtempSync("/tmp/stowage-host-");
    host = await open();
  });

  afterEach(async () => {
    await host.removeLink(bridge);
    for (const name of ["a", "b"]) {
      await host.disconnectVeth(join(folder, "ns", name), "eth0");
      await host.removeNetns(join(folder, "ns", name));
    }
    await host.unmount(join(folder, "target"), { lazy: true });
    await host.close();
    rmSync(folder, { recursive: true });
  });

  it("locks a file for one descriptor at a time, until that is closed", async () => {
    const path = join(folder, "lock");
    const [first, second] = [openSync(path, "a"), openSync(path, "a")];
    expect([await host.tryLock(first), await host.tryLock(second)]).toEqual([true, false]);
    closeSync(first);
    expect(await host.tryLock(second)).toBe(true);
    closeSync(second);
  });

  it("mounts an overlay of layers, topmost first, and unmounts it", async () => {
    for (const layer of ["base", "top"]) writeFileSync(join(folderOf(layer), "file"), layer);
    const target = folderOf("target");
    await host.mountOverlay({
      lower: [folderOf("top"), folderOf("base")],
      upper: folderOf("upper"),
      work: folderOf("work"),
      target,
    });
    expect(readFileSync(join(target, "file"), "utf8")).toBe("top");
    writeFileSync(join(target, "file"), "changed");
    expect(readFileSync(join(folder, "upper/file"), "utf8")).toBe("changed");
    await host.unmount(target);
    expect(existsSync(join(target, "file"))).toBe(false);
    await expect(host.unmount(target)).resolves.toBeUndefined();
  });

  it("mounts a read-only view of layers without an upper folder", async () => {
    writeFileSync(join(folderOf("base"), "file"), "base");
    const target = folderOf("target");
    await host.mountOverlay({ lower: [folderOf("top"), folderOf("base")], target });
    expect(readFileSync(join(target, "file"), "utf8")).toBe("base");
    expect(() => writeFileSync(join(target, "file"), "x")).toThrow(/EROFS/);
  });

  it("makes a read-only bind mount that cannot be written through", async () => {
    writeFileSync(join(folderOf("source"), "file"), "text");
    const target = folderOf("target");
    await host.bindMount(folderOf("source"), target, { readOnly: true, recursive: true });
    expect(readFileSync(join(target, "file"), "utf8")).toBe("text");
    expect(() => writeFileSync(join(target, "file"), "x")).toThrow(/EROFS/);
  });

  it("binds what a descriptor holds, whatever lies at its path by then", async () => {
    const source = folderOf("source");
    writeFileSync(join(source, "file"), "held");
    const fd = openSync(source, "r");
    await host.mount("tmpfs", "tmpfs", source);
    const target = folderOf("target");
    await host.bindMount(`/proc/${process.pid}/fd/${fd}`, target);
    closeSync(fd);
    await host.unmount(source);
    expect(readFileSync(join(target, "file"), "utf8")).toBe("held");
  });

  it("mounts a file system with options as mount(8) takes them", async () => {
    const target = folderOf("target");
    await host.mount("tmpfs", "tmpfs", target, "size=1m,nosuid,noexec,mode=0750");
    const line = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .find((text) => text.includes(` ${target} `));
    expect(line).toMatch(/nosuid,noexec.*size=1024k,mode=750/);
  });

  it("copies a program into memory where nobody can change it, if it can", async () => {
    const program = join(folderOf("programs"), "echo");
    copyFileSync("/bin/echo", program);
    const fd = await host.sealedCopy(program);
    expect(fd === undefined).toBe(host instanceof CommandHost);
    if (fd === undefined) return;
    const copy = `/proc/${process.pid}/fd/${fd}`;
    writeFileSync(program, "another");
    expect(execFileSync(copy, ["it", "runs"], { encoding: "utf8" })).toBe("it runs\n");
    expect(() => writeFileSync(copy, "x")).toThrow(/EPERM/);
    expect(() => appendFileSync(copy, "x")).toThrow(/EPERM/);
    closeSync(fd);
    await expect(host.sealedCopy(join(folder, "absent"))).rejects.toMatchObject({ kind: "not-found" });
  });

  it("says which call failed and why", async () => {
    const target = folderOf("target");
    const failure = host.mountOverlay({ lower: [join(folder, "absent")], target });
    await expect(failure).rejects.toMatchObject({ kind: "not-found" });
  });

  it("connects namespaces over a bridge and lets them go", async () => {
    await host.createBridge({ name: bridge, addresses: ["10.187.43.1/24", "fd5e:1234::1/64"], mtu: 1400 });
    for (const [index, name] of ["a", "b"].entries()) {
      await host.createNetns(join(folder, "ns", name));
      await host.connectVeth({
        hostName: `tstv${suffix}${name}`,
        bridge,
        netnsPath: join(folder, "ns", name),
        interfaceName: "eth0",
        macAddress: `02:42:0a:bb:2b:0${index + 2}`,
        addresses: [`10.187.43.${index + 2}/24`, `fd5e:1234::${index + 2}/64`],
        ipv4Gateway: "10.187.43.1",
        ipv6Gateway: "fd5e:1234::1",
        mtu: 1400,
      });
    }
    const a = join(folder, "ns/a");
    // The kernel tells a link's state a moment after the link has it.
    await expect
      .poll(() => inNetns(a, "ip", "-o", "link", "show", "eth0"))
      .toMatch(/mtu 1400.*state UP.*02:42:0a:bb:2b:02/s);
    expect(inNetns(a, "ip", "route")).toContain("default via 10.187.43.1 dev eth0");
    expect(inNetns(a, "ip", "-6", "route")).toContain("default via fd5e:1234::1 dev eth0");
    inNetns(a, "busybox", "ping", "-c1", "-W10", "10.187.43.3");
    inNetns(a, "busybox", "ping", "-c1", "-W10", "fd5e:1234::3");
    inNetns(a, "busybox", "ping", "-c1", "-W10", "127.0.0.1");

    await host.setDefaultRoute(a, { ipv4: "10.187.43.3" });
    expect(inNetns(a, "ip", "route")).toContain("default via 10.187.43.3 dev eth0");
    expect(inNetns(a, "ip", "-6", "route")).not.toContain("default");

    await host.disconnectVeth(a, "eth0");
    await host.disconnectVeth(a, "eth0");
    expect(await host.linkNames()).not.toContain(`tstv${suffix}a`);
    await host.removeLink(bridge);
    await host.removeLink(bridge);
    expect(await host.linkNames()).not.toContain(bridge);
  });

  it("takes a bridge that is there, and refuses any other link of its name", async () => {
    execFileSync("ip", ["link", "add", bridge, "type", "bridge"]);
    await host.createBridge({ name: bridge, addresses: ["10.187.43.1/24"] });
    await host.createBridge({ name: bridge, addresses: ["10.187.43.1/24"] });
    expect(readFileSync(`/proc/sys/net/ipv6/conf/${bridge}/disable_ipv6`, "utf8")).toBe("0\n");
    await expect(host.createBridge({ name: "lo", addresses: [] })).rejects.toMatchObject({
      kind: "conflict",
    });
  });

  it("keeps isolated members of a bridge from each other", async () => {
    await host.createBridge({ name: bridge, addresses: ["10.187.43.1/24"] });
    for (const [index, name] of ["a", "b"].entries()) {
      await host.createNetns(join(folder, "ns", name));
      await host.connectVeth({
        hostName: `tstv${suffix}${name}`,
        bridge,
        netnsPath: join(folder, "ns", name),
        interfaceName: "eth0",
        macAddress: `02:42:0a:bb:2b:0${index + 2}`,
        addresses: [`10.187.43.${index + 2}/24`],
        isolated: true,
      });
    }
    const a = join(folder, "ns/a");
    inNetns(a, "busybox", "ping", "-c1", "-W10", "10.187.43.1");
    expect(() => inNetns(a, "busybox", "ping", "-c1", "-W1", "10.187.43.3")).toThrow();
  });

  it("sets kernel parameters and nft rules inside a namespace only", async () => {
    const path = join(folder, "ns/a");
    await host.createNetns(path);
    await host.sysctl({ "net/ipv4/ip_default_ttl": "77" }, path);
    expect(inNetns(path, "cat", "/proc/sys/net/ipv4/ip_default_ttl")).toBe("77\n");
    expect(readFileSync("/proc/sys/net/ipv4/ip_default_ttl", "utf8")).not.toBe("77\n");

    await host.nft("table inet tst_inner { chain c {\n}\n}", path);
    expect(await host.nft("list tables", path)).toContain("tst_inner");
    expect(await host.nft("list tables")).not.toContain("tst_inner");
    await expect(host.nft("add element inet tst_absent s { 1 }")).rejects.toThrow(/No such file/);
  });

  it("refuses to make a namespace where there is one", async () => {
    const path = join(folder, "ns/a");
    await host.createNetns(path);
    await expect(host.createNetns(path)).rejects.toMatchObject({ kind: "already-exists" });
    await host.removeNetns(path);
    await host.removeNetns(path);
    expect(existsSync(path)).toBe(false);
  });
});

it("mounts hundreds of layers on a kernel without the newer calls, too", async () => {
  const libc = await loadLibc();
  if (libc === undefined) return;
  const syscall = (what: string): never => {
    throw new SystemError(what, ENOSYS);
  };
  const folder = mkdtempSync("/tmp/stowage-overlay-");
  const workingDir = process.cwd();
  try {
    const folderOf = (name: string): string => {
      mkdirSync(join(folder, name));
      return join(folder, name);
    };
    const lower = Array.from({ length: 300 }, (_, index) => folderOf(`a-layer-with-a-long-name-${index}`));
    writeFileSync(join(lower[299] ?? "", "file"), "lowest");
    const target = folderOf("target");
    new Mounts({ ...libc, syscall }).overlay({
      lower,
      upper: folderOf("upper"),
      work: folderOf("work"),
      target,
    });
    expect(readFileSync(join(target, "file"), "utf8")).toBe("lowest");
    writeFileSync(join(target, "file"), "changed");
    expect(readFileSync(join(folder, "upper/file"), "utf8")).toBe("changed");
    libc.umount2(target, 0);
  } finally {
    process.chdir(workingDir);
    rmSync(folder, { recursive: true });
  }
});

const ENOSYS = 38;
