import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentLog } from "../../../src/lib/log.ts";
import type { RunOnceRequest } from "../../../src/runtime/engine/containers/index.ts";
import {
  type ContainerPart,
  loadContainers,
  openContainers,
} from "../../../src/runtime/engine/containers/index.ts";
import { diskLayout } from "../../../src/runtime/engine/disk-layout.ts";
import { EventBus } from "../../../src/runtime/engine/event-bus.ts";
import { openLinuxHost } from "../../../src/runtime/engine/host/index.ts";
import { openImages } from "../../../src/runtime/engine/images/index.ts";
import { openNetworks } from "../../../src/runtime/engine/networks/index.ts";
import { openRootfs } from "../../../src/runtime/engine/rootfs/index.ts";
import { openVolumes } from "../../../src/runtime/engine/volumes/index.ts";
import { busyboxTar } from "../../support/busybox-image.ts";
import { leaks, takeInventory } from "../../support/leaks.ts";

const base = mkdtempSync(join(tmpdir(), "stowage-once-"));
const layout = diskLayout(join(base, "root"), join(base, "run"));
let part: ContainerPart;
let rootfsDir = "";
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const host = await openLinuxHost();
  const onDisk = await loadContainers(layout, silentLog);
  const events = new EventBus();
  const [images, rootfs, networks, volumes] = await Promise.all([
    openImages({ layout, host, users: onDisk.users }),
    openRootfs({ layout, host }),
    openNetworks({ layout, host }),
    openVolumes({ layout, host, users: onDisk.users, events }),
  ]);
  part = await openContainers({
    layout,
    host,
    log: silentLog,
    events,
    onDisk,
    images,
    rootfs,
    networks,
    volumes,
  });
  await part.adopt();
  await networks.recover(new Map());
  await part.settle();
  const { id } = await images.port.import(busyboxTar(), { reference: "busybox:once" });
  const image = await images.resolve(id);
  await rootfs.prepare("once", image);
  rootfsDir = await rootfs.mount("once", image);
  closing.push(
    () => part.close(),
    () => rootfs.remove("once"),
    () => networks.close(),
    () => host.close(),
  );
});
afterAll(async () => {
  for (const close of closing) await close();
  rmSync(base, { recursive: true, force: true });
});

async function once(script: string, more: Partial<RunOnceRequest> = {}) {
  let text = "";
  const exitCode = await part.runOnce({
    rootfsDir,
    command: ["sh", "-c", script],
    env: ["A=1"],
    networkMode: "none",
    onOutput: ({ data }) => {
      text += Buffer.from(data).toString();
    },
    ...more,
  });
  return { exitCode, text: text.trim() };
}

describe("one command in a given root", () => {
  it("has its environment, folder, user and confinement; its files stay", async () => {
    const script = "echo $A; pwd; id -u; grep -E 'CapBnd|Seccomp:' /proc/self/status; exit 3";
    expect(await once(script, { user: "daemon", workingDir: "/work/dir" })).toEqual({
      exitCode: 3,
      text: "1\n/work/dir\n1\nCapBnd:\t00000000a80425fb\nSeccomp:\t2",
    });
    await once("echo kept > /kept");
    expect(await once("cat /kept")).toEqual({ exitCode: 0, text: "kept" });
  });

  it("is on a network when it wants to be, and sees what is mounted", async () => {
    const mounts = [{ type: "tmpfs", source: "tmpfs", target: "/extra", options: ["size=1m"] }] as const;
    const { text } = await once(
      "ip addr show eth0 | grep -c 'inet '; df /extra | tail -1 | awk '{print $6}'; cat /etc/hosts",
      {
        networkMode: "bridge",
        mounts,
        extraHosts: ["db:10.9.8.7"],
      },
    );
    expect(text).toMatch(/^1\n\/extra\n[\s\S]*10\.9\.8\.7\s+db/);
  });

  it("is refused with 127 when it does not exist, and killed when nobody wants it any more", async () => {
    await expect(once("", { command: ["nope"] })).rejects.toMatchObject({ kind: "invalid", exitCode: 127 });
    const giveUp = new AbortController();
    const running = once("echo on; sleep 1000", { signal: giveUp.signal, onOutput: () => giveUp.abort() });
    await expect(running).rejects.toMatchObject({ kind: "cancelled" });
  });

  it("leaves nothing", async () => {
    const before = takeInventory(layout.rootDir, layout.runDir);
    await once("true", { networkMode: "bridge" });
    // Other namespaces of the machine may hold a copy of a mount for a moment.
    await expect.poll(() => leaks(before, takeInventory(layout.rootDir, layout.runDir))).toEqual([]);
    const left = takeInventory(layout.rootDir, layout.runDir);
    expect(left.filter((thing) => thing.startsWith("cgroup"))).toEqual([]);
  });
});
