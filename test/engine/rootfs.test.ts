import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  drained,
  folder,
  type ImageBench,
  inventory,
  link,
  openImageBench,
  stream,
  type TarItem,
  tarOf,
} from "../support/image-bench.ts";
import { mostDuring } from "../support/most-during.ts";

describe("root file systems", () => {
  let bench: ImageBench;

  beforeEach(async () => {
    bench = await openImageBench("rootfs");
  });
  afterEach(() => bench.close());

  async function imageOf(items: readonly TarItem[]) {
    const { id } = await bench.images.port.import(stream(tarOf(items)));
    return bench.images.resolve(id);
  }

  const base: readonly TarItem[] = [
    folder("etc", { mode: 0o750, gid: 7 }),
    { name: "etc/keep", data: "keep" },
    { name: "etc/gone", data: "gone" },
    folder("srv"),
    folder("srv/old"),
    { name: "srv/old/file", data: "old" },
    { name: "tool", mode: 0o4755, data: "#!" },
  ];

  it("join the image, our mount points and a writable layer", async () => {
    const image = await imageOf(base);
    await bench.rootfs.prepare("c1", image);
    const merged = await bench.rootfs.mount("c1", image);
    expect(await bench.rootfs.mount("c1", image)).toBe(merged);
    expect(readFileSync(join(merged, "etc/keep"), "utf8")).toBe("keep");
    expect(lstatSync(join(merged, "etc"))).toMatchObject({ mode: 0o40750, gid: 7 });
    expect(lstatSync(join(merged, "tool")).mode).toBe(0o104755);
    for (const name of ["dev/pts", "dev/shm", "proc", "sys"])
      expect(lstatSync(join(merged, name)).isDirectory()).toBe(true);
    for (const name of ["etc/hosts", "etc/hostname", "etc/resolv.conf", "dev/console"])
      expect(lstatSync(join(merged, name)).isFile()).toBe(true);
    await bench.rootfs.unmount("c1");
    await bench.rootfs.unmount("c1");
    expect(existsSync(merged)).toBe(false);
  });

  it("are measured with few descriptors, however deep a container's folders are", async () => {
    const image = await imageOf(base);
    await bench.rootfs.prepare("c1", image);
    const merged = await bench.rootfs.mount("c1", image);
    mkdirSync(join(merged, "d/".repeat(1200)), { recursive: true });
    writeFileSync(join(merged, "d/".repeat(10), "file"), "text");
    const before = readdirSync("/proc/self/fd").length;
    const descriptors = () => readdirSync("/proc/self/fd").length - before;
    const sizing = bench.rootfs.sizes("c1", image);
    expect(await mostDuring(sizing, descriptors)).toBeLessThan(400);
    expect(await sizing).toMatchObject({ writableBytes: 4 });
    const comparing = bench.rootfs.changes("c1", image);
    expect(await mostDuring(comparing, descriptors)).toBeLessThan(1000);
    expect(await comparing).toContainEqual({ path: `/${"d/".repeat(10)}file`, kind: "added" });
  });

  it("open / to everybody, whatever the image says of it", async () => {
    const image = await imageOf([folder(".", { mode: 0o700, gid: 7 }), ...base]);
    await bench.rootfs.prepare("c1", image);
    const merged = await bench.rootfs.mount("c1", image);
    expect(lstatSync(merged)).toMatchObject({ mode: 0o40755, uid: 0, gid: 0 });
  });

  it("tell what changed, and carry it into a layer that unpacks the same", async () => {
    const image = await imageOf(base);
    await bench.rootfs.prepare("c1", image);
    const merged = await bench.rootfs.mount("c1", image);
    expect(await bench.rootfs.changes("c1", image)).toEqual([]);
    writeFileSync(join(merged, "etc/keep"), "changed");
    rmSync(join(merged, "etc/gone"));
    mkdirSync(join(merged, "new"));
    writeFileSync(join(merged, "new/file"), "n");
    rmSync(join(merged, "srv/old"), { recursive: true });
    mkdirSync(join(merged, "srv/old"));
    writeFileSync(join(merged, "srv/old/other"), "o");
    expect(await bench.rootfs.changes("c1", image)).toEqual([
      { path: "/etc", kind: "modified" },
      { path: "/etc/gone", kind: "deleted" },
      { path: "/etc/keep", kind: "modified" },
      { path: "/new", kind: "added" },
      { path: "/new/file", kind: "added" },
      { path: "/srv", kind: "modified" },
      { path: "/srv/old", kind: "modified" },
      { path: "/srv/old/file", kind: "deleted" },
      { path: "/srv/old/other", kind: "added" },
    ]);
    const sizes = await bench.rootfs.sizes("c1", image);
    expect(sizes).toEqual({ writableBytes: 9, rootfsBytes: 9 + 13 });
    const child = await bench.images.commitLayer({
      parentId: image.id,
      layer: await bench.rootfs.diffTar("c1", image),
      config: {},
      createdBy: "commit",
    });
    const committed = await bench.images.resolve(child.id);
    await bench.rootfs.prepare("c2", committed);
    const again = await bench.rootfs.mount("c2", committed);
    const withoutMounts = (dir: string) =>
      inventory(dir)
        .split("\n")
        .filter((line) => !/^(dev|proc|sys) /.test(line))
        .join("\n");
    expect(withoutMounts(again)).toBe(withoutMounts(merged));
    for (const id of ["c1", "c2"]) await bench.rootfs.remove(id);
    expect(readdirSync(join(bench.layout.rootDir, "rootfs"))).toEqual([]);
  });

  it("of a crashed daemon are found again or removed", async () => {
    const image = await imageOf(base);
    for (const id of ["lives", "dead"]) {
      await bench.rootfs.prepare(id, image);
      await bench.rootfs.mount(id, image);
    }
    await bench.rootfs.recover(new Set(["lives"]));
    expect(await bench.rootfs.mount("lives", image)).toBe(bench.layout.mountPoint("lives"));
    expect(readdirSync(join(bench.layout.runDir, "mounts"))).toEqual(["lives"]);
    expect(readdirSync(join(bench.layout.rootDir, "rootfs"))).toEqual(["lives"]);
    await bench.rootfs.remove("lives");
  });

  it("are refused when the container has turned a mount point into a link", async () => {
    const image = await imageOf(base);
    await bench.rootfs.prepare("c1", image);
    const merged = await bench.rootfs.mount("c1", image);
    rmSync(join(merged, "proc"), { recursive: true });
    symlinkSync("/", join(merged, "proc"));
    await bench.rootfs.unmount("c1");
    await expect(bench.rootfs.mount("c1", image)).rejects.toThrow("/proc in it is no folder");
    expect(existsSync(bench.layout.mountPoint("c1"))).toBe(false);
  });

  const places = ["dev", "proc", "sys", "etc", "dev/pts", "etc/hosts"];
  const cases = places.flatMap((place) => [
    { place, how: "absolute" },
    { place, how: "relative" },
  ]);

  it.each(cases)("never follow a link of the image: /$place, $how", async ({ place, how }) => {
    const canary = join(bench.folder, "canary");
    mkdirSync(canary);
    writeFileSync(join(canary, "ptmx"), "host");
    writeFileSync(join(canary, "hosts"), "host");
    const before = inventory(canary);
    const target = how === "absolute" ? canary : `${"../".repeat(20)}${canary.slice(1)}`;
    const parent = place.includes("/") ? [folder(place.slice(0, place.indexOf("/")))] : [];
    const image = await imageOf([...parent, link(place, target), folder("bin")]);
    await bench.rootfs.prepare("c1", image);
    const merged = await bench.rootfs.mount("c1", image);
    expect(lstatSync(join(merged, place)).isSymbolicLink()).toBe(false);
    writeFileSync(join(merged, "etc/hosts"), "container");
    expect(inventory(canary)).toBe(before);
    expect(readFileSync(join(canary, "hosts"), "utf8")).toBe("host");
    await bench.rootfs.remove("c1");
  });

  it("give their layer as a tar without what the overlay keeps for itself", async () => {
    const image = await imageOf(base);
    await bench.rootfs.prepare("c1", image);
    const merged = await bench.rootfs.mount("c1", image);
    rmSync(join(merged, "tool"));
    const tar = await drained(await bench.rootfs.diffTar("c1", image));
    const names = execFileSync("tar", ["-tvf", "-"], { input: tar, encoding: "utf8" });
    expect(names).toMatch(/^-{10} .* \.wh\.tool$/m);
    expect(names).not.toContain("work");
    await bench.rootfs.remove("c1");
  });
});
