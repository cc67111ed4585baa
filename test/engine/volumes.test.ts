import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { diskLayout } from "../../src/runtime/engine/disk-layout.ts";
import { EventBus } from "../../src/runtime/engine/event-bus.ts";
import { CommandHost } from "../../src/runtime/engine/host/command-host.ts";
import { openLinuxHost } from "../../src/runtime/engine/host/index.ts";
import type { Host } from "../../src/runtime/engine/host.ts";
import type { Users, VolumePart } from "../../src/runtime/engine/parts.ts";
import { openVolumes } from "../../src/runtime/engine/volumes/index.ts";
import type { ContainerSpec, MountPoint, MountSpec } from "../../src/runtime/index.ts";
import { mostDuring } from "../support/most-during.ts";

let folder: string;
let rootfs: string;
let host: Host;
let part: VolumePart;
let events: EventBus;
let users: Record<string, { id: string; name: string; isRunning: boolean }[]>;

const open = (mounting = host): Promise<VolumePart> => {
  const ofVolume: Users["ofVolume"] = (name) => users[name] ?? [];
  const layout = diskLayout(join(folder, "root"), join(folder, "run"));
  events = new EventBus();
  return openVolumes({
    layout,
    host: mounting,
    users: { images: () => [], ofImage: () => [], ofVolume },
    events,
  });
};
const actions = async (): Promise<readonly string[]> => {
  const said: string[] = [];
  const untilNs = BigInt(Date.now() + 1) * 1_000_000n;
  for await (const { action, id } of events.read({ sinceNs: 0n, untilNs })) said.push(`${action} ${id}`);
  return said;
};
const mounted = (): readonly string[] =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(folder));

beforeEach(async () => {
  folder = mkdtempSync("/tmp/stowage-vol-");
  rootfs = join(folder, "rootfs");
  mkdirSync(rootfs);
  users = {};
  host = await openLinuxHost();
  part = await open();
});
afterEach(async () => {
  for (const { name } of await part.port.list()) {
    users = {};
    await part.port.remove(name, { force: true }).catch(() => undefined);
  }
  await host.close();
  expect(mounted()).toEqual([]);
  rmSync(folder, { recursive: true });
});

const settle = async (
  mounts: readonly MountSpec[],
  spec: Partial<ContainerSpec> = {},
  imageVolumes: readonly string[] = [],
) => {
  const containerId = "settling";
  const asked = { spec: { image: "none", mounts, ...spec }, imageVolumes, inherited: [] };
  const settled = await part.settle({ containerId, ...asked });
  part.settled(containerId);
  return settled;
};

/** Settled and prepared for container `id`. */
async function start(mounts: readonly MountSpec[], id = "first") {
  const settled = await settle(mounts);
  return { settled, prepared: await part.prepare(settled, rootfs, id) };
}

describe("a volume that is missing", () => {
  it("is made with the labels and options of the mount, and says so once", async () => {
    const mount = { type: "volume", source: "made", target: "/data", labels: { a: "1" } } as const;
    const options = { driverOptions: { type: "tmpfs", device: "tmpfs" } };
    await settle([{ ...mount, ...options }]);
    await settle([{ ...mount, labels: { a: "2" } }]);
    expect(await part.port.inspect("made")).toMatchObject({
      labels: { a: "1" },
      options: { type: "tmpfs", device: "tmpfs" },
    });
    expect(await actions()).toEqual(["create made"]);
  });
});

describe("copy-up of the image's content", () => {
  it("keeps owners, modes and links, and the folder's own", async () => {
    const source = join(rootfs, "var/lib/data");
    mkdirSync(join(source, "sub"), { recursive: true });
    writeFileSync(join(source, "sub/file"), "text", { mode: 0o640 });
    chownSync(join(source, "sub/file"), 101, 102);
    linkSync(join(source, "sub/file"), join(source, "hard"));
    symlinkSync("/etc/passwd", join(source, "soft"));
    chownSync(source, 999, 998);
    chmodSync(source, 0o2750);
    const { prepared } = await start([{ type: "volume", source: "data", target: "/var/lib/data" }]);
    const data = prepared[0]?.source ?? "";
    expect(readdirSync(data).sort()).toEqual(["hard", "soft", "sub"]);
    const own = statSync(data);
    expect([own.uid, own.gid, own.mode & 0o7777]).toEqual([999, 998, 0o2750]);
    const file = statSync(join(data, "sub/file"));
    expect([file.uid, file.gid, file.mode & 0o777, file.nlink]).toEqual([101, 102, 0o640, 2]);
    expect(readlinkSync(join(data, "soft"))).toBe("/etc/passwd");
  });

  it("gives an empty folder's owner and mode to the volume", async () => {
    mkdirSync(join(rootfs, "data"), { mode: 0o700 });
    chownSync(join(rootfs, "data"), 999, 999);
    const { prepared } = await start([{ type: "volume", target: "/data" }]);
    const { uid, mode } = statSync(prepared[0]?.source ?? "");
    expect([uid, mode & 0o777]).toEqual([999, 0o700]);
  });

  it("adds nothing to a volume that has content, or while a container runs with it, or when told not to", async () => {
    mkdirSync(join(rootfs, "data"));
    writeFileSync(join(rootfs, "data/image-file"), "");
    const full = await part.port.create({ name: "full" });
    writeFileSync(join(full.mountpoint, "mine"), "");
    await part.port.create({ name: "busy" });
    users["busy"] = [{ id: "other", name: "other", isRunning: true }];
    await start([{ type: "volume", source: "full", target: "/data" }]);
    const busy = await start([{ type: "volume", source: "busy", target: "/data" }]);
    const told = await start([{ type: "volume", source: "told", target: "/data", noCopy: true }]);
    expect(readdirSync(full.mountpoint)).toEqual(["mine"]);
    expect(readdirSync(busy.prepared[0]?.source ?? "")).toEqual([]);
    expect(readdirSync(told.prepared[0]?.source ?? "")).toEqual([]);
  });

  it("resolves the image's links inside the image", async () => {
    const secrets = join(folder, "secrets");
    mkdirSync(secrets);
    writeFileSync(join(secrets, "key"), "of the host");
    symlinkSync(secrets, join(rootfs, "absolute"));
    symlinkSync("../../../../../../../../../../../..", join(rootfs, "up"));
    mkdirSync(join(rootfs, "real"));
    writeFileSync(join(rootfs, "real/file"), "");
    symlinkSync("/real", join(rootfs, "inside"));
    for (const [name, target, expected] of [
      ["a", "/absolute", []],
      ["b", `/up${secrets}`, []],
      ["c", "/inside", ["file"]],
    ] as const) {
      const { prepared } = await start([{ type: "volume", source: name, target }]);
      expect([target, readdirSync(prepared[0]?.source ?? "")]).toEqual([target, expected]);
    }
  });

  it("fills a volume that is a mount, too", async () => {
    mkdirSync(join(rootfs, "data/sub"), { recursive: true });
    chownSync(join(rootfs, "data"), 12, 34);
    const device = join(folder, "device");
    mkdirSync(device);
    const driverOptions = { type: "none", o: "bind", device };
    const { settled } = await start([{ type: "volume", source: "bound", target: "/data", driverOptions }]);
    expect(readdirSync(device)).toEqual(["sub"]);
    expect(statSync(device).uid).toBe(12);
    await part.release(settled, "first");
  });
});

describe("driver options", () => {
  it("mount a tmpfs while a container runs, and no longer", async () => {
    const driverOptions = { type: "tmpfs", device: "tmpfs", o: "size=1m,uid=7" };
    const mounts: readonly MountSpec[] = [{ type: "volume", source: "ram", target: "/ram", driverOptions }];
    const { settled, prepared } = await start(mounts);
    expect(mounted().join()).toMatch(/tmpfs.*size=1024k.*uid=7/);
    await start(mounts, "second");
    await part.release(settled, "first");
    await part.release(settled, "first");
    expect(existsSync(prepared[0]?.source ?? "")).toBe(true);
    expect(mounted()).toHaveLength(1);
    await part.release(settled, "second");
    expect(mounted()).toEqual([]);
  });

  it("never delete what lies behind them", async () => {
    const device = join(folder, "device");
    mkdirSync(device);
    writeFileSync(join(device, "precious"), "");
    const options = { type: "none", o: "bind", device };
    await part.port.create({ name: "bound", options });
    await start([{ type: "volume", source: "bound", target: "/data" }]);
    await part.port.remove("bound");
    expect(readdirSync(device)).toEqual(["precious"]);
  });

  it("that cannot be mounted say so at the start, and the rest is taken back", async () => {
    const good = { type: "tmpfs", device: "tmpfs" };
    const bad = { type: "none", o: "bind", device: "/no/such/folder" };
    const failure = start([
      { type: "volume", source: "good", target: "/a", driverOptions: good },
      { type: "volume", source: "bad", target: "/b", driverOptions: bad },
    ]);
    await expect(failure).rejects.toThrow(/failed to mount local volume "bad"/);
    expect(mounted()).toEqual([]);
  });

  it("that mean nothing are refused when the volume is made", async () => {
    const { port } = part;
    await expect(port.create({ name: "a", options: { speed: "fast" } })).rejects.toMatchObject({
      kind: "invalid",
    });
    await expect(port.create({ name: "a", options: { type: "tmpfs" } })).rejects.toMatchObject({
      kind: "invalid",
    });
    await expect(port.create({ name: "a", driver: "flocker" })).rejects.toMatchObject({
      kind: "not-found",
    });
    expect(await port.list()).toEqual([]);
  });
});

describe("parts of volumes", () => {
  it("are mounted as they are, wherever links in the volume lead", async () => {
    const { mountpoint } = await part.port.create({ name: "whole" });
    mkdirSync(join(mountpoint, "a/b"), { recursive: true });
    writeFileSync(join(mountpoint, "a/b/file"), "part");
    symlinkSync("/", join(mountpoint, "escape"));
    const { settled, prepared } = await start([
      { type: "volume", source: "whole", target: "/x", subpath: "a/b" },
    ]);
    expect(readFileSync(join(prepared[0]?.source ?? "", "file"), "utf8")).toBe("part");
    await part.release(settled, "first");
    const escaped = await settle([{ type: "volume", source: "whole", target: "/x", subpath: "escape/etc" }]);
    await expect(part.prepare(escaped, rootfs, "first")).rejects.toMatchObject({ kind: "not-found" });
    await expect(
      settle([{ type: "volume", source: "whole", target: "/x", subpath: "../other" }]),
    ).rejects.toMatchObject({ kind: "invalid" });
  });

  it.each(["system calls", "programs"])(
    "are what they were when they were looked up, though a link has taken their name since, by %s",
    async (way) => {
      const mounting = way === "programs" ? new CommandHost() : host;
      const bindMount = mounting.bindMount.bind(mounting);
      let swap = () => {};
      vi.spyOn(mounting, "bindMount").mockImplementation((...all) => {
        swap();
        return bindMount(...all);
      });
      part = await open(mounting);
      const { mountpoint } = await part.port.create({ name: "whole" });
      const secrets = join(folder, "secrets");
      for (const [dir, text] of [
        [secrets, "of the host"],
        [mountpoint, "part"],
      ] as const) {
        mkdirSync(join(dir, "a"), { recursive: true });
        for (const file of ["a/file", "b"]) writeFileSync(join(dir, file), text);
      }
      for (const [subpath, file] of [
        ["a", "file"],
        ["b", ""],
      ] as const) {
        swap = () => {
          renameSync(join(mountpoint, subpath), join(mountpoint, `${subpath}-away`));
          symlinkSync(join(secrets, subpath), join(mountpoint, subpath));
        };
        const { settled, prepared } = await start([
          { type: "volume", source: "whole", target: "/x", subpath },
        ]);
        expect(readFileSync(resolve(prepared[0]?.source ?? "", file), "utf8")).toBe("part");
        await part.release(settled, "first");
      }
    },
  );

  it("are mounted no longer than somebody runs with the volume, and no content goes with them", async () => {
    const { mountpoint } = await part.port.create({ name: "whole" });
    mkdirSync(join(mountpoint, "a"));
    writeFileSync(join(mountpoint, "a/file"), "");
    const first = await start([{ type: "volume", source: "whole", target: "/x", subpath: "a" }], "first");
    const second = await start([{ type: "volume", source: "whole", target: "/x" }], "second");
    expect(mounted()).toHaveLength(1);
    await part.release(first.settled, "first");
    await part.release(second.settled, "second");
    expect(mounted()).toEqual([]);
    expect(readdirSync(join(mountpoint, "a"))).toEqual(["file"]);
    expect(existsSync(diskLayout(join(folder, "root"), join(folder, "run")).subpathsDir)).toBe(false);
  });

  it("that a crash has left mounted go, but for those of volumes that somebody runs with", async () => {
    for (const name of ["busy", "idle"]) {
      const { mountpoint } = await part.port.create({ name });
      mkdirSync(join(mountpoint, "a"));
      await start([{ type: "volume", source: name, target: "/x", subpath: "a" }]);
    }
    users["busy"] = [{ id: "first", name: "web", isRunning: true }];
    part = await open();
    await part.recover();
    expect(mounted()).toEqual([expect.stringContaining("/busy/_data/a")]);
    await part.release(await settle([{ type: "volume", source: "busy", target: "/x" }]), "first");
  });
});

describe("a visit to volumes", () => {
  it("keeps nobody from filling an empty volume, and its folder is not replaced meanwhile", async () => {
    mkdirSync(join(rootfs, "data"));
    const mounts = [{ type: "volume", source: "data", target: "/data" }] as const;
    const settled = await settle(mounts);
    const visit = await part.visit(settled, rootfs);
    const folderBefore = statSync(visit.mounts[0]?.source ?? "").ino;
    writeFileSync(join(rootfs, "data/image-file"), "");
    const { prepared } = await start(mounts);
    expect(readdirSync(prepared[0]?.source ?? "")).toEqual(["image-file"]);
    expect(statSync(prepared[0]?.source ?? "").ino).toBe(folderBefore);
    await visit.leave();
  });
});

describe("bind mounts", () => {
  it("make a missing folder, or refuse, as asked", async () => {
    const source = join(folder, "made/deep");
    const { prepared } = await start([{ type: "bind", source, target: "/x", readOnly: true }]);
    expect(lstatSync(source).isDirectory()).toBe(true);
    expect(prepared[0]).toEqual({
      type: "bind",
      source,
      target: "/x",
      options: expect.arrayContaining(["rbind", "rprivate", "ro"]),
    });
    const below = async (mountedBelow: "as-it-is" | "read-only") =>
      (await start([{ type: "bind", source, target: "/x", readOnly: true, mountedBelow }])).prepared[0]
        ?.options;
    expect(await below("as-it-is")).not.toContain("rro");
    expect(await below("read-only")).toContain("rro");
    await expect(
      settle([{ type: "bind", source, target: "/x", mountedBelow: "read-only" }]),
    ).rejects.toMatchObject({ kind: "invalid" });
    const strict = settle([
      { type: "bind", source: join(folder, "absent"), target: "/x", createHostPath: false },
    ]);
    await expect(strict).rejects.toThrow(/bind source path does not exist/);
  });
});

describe("volumes", () => {
  it("survive a restart with their labels, and leftovers of a crash do not", async () => {
    const made = await part.port.create({ name: "kept", labels: { cargo: "grain" } });
    mkdirSync(join(folder, "root/volumes/unfinished/_data"), { recursive: true });
    mkdirSync(join(folder, "root/volumes/.discarded-1/_data"), { recursive: true });
    mkdirSync(join(folder, "root/volumes/kept/.copy-1"));
    part = await open();
    await part.recover();
    expect(await part.port.inspect("kept")).toEqual(made);
    expect(readdirSync(join(folder, "root/volumes"))).toEqual(["kept"]);
    expect(readdirSync(join(folder, "root/volumes/kept")).sort()).toEqual(["_data", "volume.json"]);
  });

  it("are counted and sized when asked, and pruned by Docker's rule", async () => {
    const named = await part.port.create({ name: "named" });
    const anonymous = await part.port.create({});
    const used = await part.port.create({});
    users[used.name] = [{ id: "1", name: "web", isRunning: false }];
    writeFileSync(join(anonymous.mountpoint, "file"), "12345");
    linkSync(join(anonymous.mountpoint, "file"), join(anonymous.mountpoint, "again"));
    const listed = await part.port.list({}, { usage: true });
    expect(Object.fromEntries(listed.map(({ name, usage }) => [name, usage]))).toEqual({
      named: { sizeBytes: 0, references: 0 },
      [anonymous.name]: { sizeBytes: 5, references: 0 },
      [used.name]: { sizeBytes: 0, references: 1 },
    });
    expect((await part.port.list({ dangling: ["true"] })).map(({ name }) => name).sort()).toEqual(
      [anonymous.name, "named"].sort(),
    );
    await part.port.create({ name: "elsewhere", options: { type: "tmpfs", device: "tmpfs" } });
    expect(await part.port.prune()).toEqual({ removed: [anonymous.name], reclaimedBytes: 5 });
    expect((await part.port.prune({ all: ["1"] })).removed).toEqual([named.name]);
    await expect(part.port.remove(used.name)).rejects.toMatchObject({
      kind: "conflict",
      message: `remove ${used.name}: volume is in use - [1]`,
    });
  });

  it("are sized and pruned though folders in them are deeper than a path is long", async () => {
    const { name, mountpoint } = await part.port.create({});
    writeFileSync(join(mountpoint, "file"), "12345");
    execFileSync("perl", ["-e", 'for (1..2500) { mkdir "d"; chdir "d" or die }'], { cwd: mountpoint });
    const before = readdirSync("/proc/self/fd").length;
    const listing = part.port.list({}, { usage: true });
    const most = await mostDuring(listing, () => readdirSync("/proc/self/fd").length);
    expect(most - before).toBeLessThan(400);
    expect((await listing)[0]?.usage).toMatchObject({ sizeBytes: 5 });
    expect(await part.port.prune()).toEqual({ removed: [name], reclaimedBytes: 5 });
  });

  it("of a container that is still being made are not removed under it", async () => {
    const { name: lentName, mountpoint: source } = await part.port.create({});
    const plain = { mode: "", isReadWrite: true, propagation: "" };
    const lent: MountPoint = { type: "volume", name: lentName, source, target: "/d", ...plain };
    const request = {
      containerId: "made",
      spec: {
        image: "none",
        mounts: [
          { type: "volume", source: "named", target: "/a" },
          { type: "volume", target: "/b" },
        ],
      },
      imageVolumes: ["/c"],
      inherited: [lent],
    } as const;
    const names = (await part.settle(request)).map(({ name = "" }) => name);
    expect(names).toHaveLength(4);
    expect(await part.port.prune({ all: ["1"] })).toEqual({ removed: [], reclaimedBytes: 0 });
    for (const name of names)
      await expect(part.port.remove(name, { force: true })).rejects.toMatchObject({
        kind: "conflict",
        message: `remove ${name}: volume is in use - [made]`,
      });
    part.settled("made");
    expect((await part.port.prune({ all: ["1"] })).removed).toEqual(names.toSorted());
  });

  it("of a container that is not made after all are nobody's, and its new ones gone", async () => {
    const { name } = await part.port.create({ name: "before", options: { type: "tmpfs", device: "tmpfs" } });
    const other = { type: "none", o: "bind", device: "/" };
    const refused = part.settle({
      containerId: "refused",
      spec: {
        image: "none",
        mounts: [
          { type: "volume", source: "new", target: "/a" },
          { type: "volume", source: name, target: "/b", driverOptions: other },
        ],
      },
      imageVolumes: [],
      inherited: [],
    });
    await expect(refused).rejects.toMatchObject({ kind: "conflict" });
    expect((await part.port.list()).map((volume) => volume.name)).toEqual([name]);
    await part.port.remove(name);
  });

  it("of bad names are refused", async () => {
    for (const name of ["../x", ".hidden", "a/b", "-a", "a b", "ä", `a${"b".repeat(300)}`])
      await expect(part.port.create({ name })).rejects.toMatchObject({ kind: "invalid" });
    await expect(part.port.list({ colour: ["red"] })).rejects.toMatchObject({ kind: "invalid" });
  });
});
