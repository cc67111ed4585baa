import { execFileSync } from "node:child_process";
import {
  appendFileSync,
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
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkStore } from "../../src/runtime/engine/images/index.ts";
import {
  busyboxTar,
  drained,
  folder,
  type ImageBench,
  link,
  openImageBench,
  stream,
  type TarItem,
  tarOf,
} from "../support/image-bench.ts";

const recordOf = ({ layout }: ImageBench, id: string) => join(layout.imagesDir, `${id.slice(7)}.json`);
const blobOf = ({ images }: ImageBench, id: string) => images.context.content.pathOf(id);
/** To root, too. */
function makeUnreadable(path: string): void {
  rmSync(path);
  symlinkSync(path, path);
}

describe("images", () => {
  let bench: ImageBench;

  beforeEach(async () => {
    bench = await openImageBench("images");
  });
  afterEach(() => bench.close());

  const importTar = (tar: Buffer, reference?: string, changes?: readonly string[]) =>
    bench.images.port.import(stream(tar), {
      ...(reference === undefined ? {} : { reference }),
      ...(changes === undefined ? {} : { changes }),
    });

  it("come from a plain, gzip or zstd tar with changes to the configuration", async () => {
    const tar = busyboxTar();
    const changes = ['CMD ["sh"]', "ENV A=1 B='two words'", "EXPOSE 80 53/udp", "WORKDIR /srv", "LABEL x=y"];
    const plain = await importTar(tar, "busybox", changes);
    const info = await bench.images.port.inspect("busybox");
    expect(info.id).toBe(plain.id);
    expect(info.repoTags).toEqual(["busybox:latest"]);
    expect(info.config).toEqual({
      cmd: ["sh"],
      env: ["A=1", "B=two words"],
      exposedPorts: ["53/udp", "80/tcp"],
      workingDir: "/srv",
      labels: { x: "y" },
    });
    const zipped = await importTar(gzipSync(tar));
    const zstd = execFileSync("zstd", ["-q", "-c"], { input: tar, maxBuffer: 1 << 26 });
    const other = await importTar(zstd);
    const layersOf = async (id: string) => (await bench.images.resolve(id)).layerDirs;
    expect(await layersOf(zipped.id)).toEqual(await layersOf(plain.id));
    expect(await layersOf(other.id)).toEqual(await layersOf(plain.id));
    const [layer = ""] = await layersOf(plain.id);
    expect(readFileSync(join(layer, "bin/busybox")).equals(readFileSync("/bin/busybox"))).toBe(true);
    expect(lstatSync(join(layer, "bin/sh")).isSymbolicLink()).toBe(true);
  });

  it("are there after a restart, and their layers come back when they are lost", async () => {
    const { id } = await importTar(busyboxTar(), "shop/base:1");
    const again = await bench.reopen();
    await again.recover();
    expect((await again.port.inspect("shop/base:1")).id).toBe(id);
    const [layer = ""] = (await again.resolve(id)).layerDirs;
    rmSync(join(layer, ".."), { recursive: true });
    const third = await bench.reopen();
    expect((await third.resolve(id)).layerDirs).toEqual([layer]);
    expect(existsSync(join(layer, "bin/busybox"))).toBe(true);
  });

  it("leave nothing behind when the archive is refused", async () => {
    const before = readdirSync(bench.layout.layersDir);
    await expect(importTar(tarOf([{ name: "../evil", data: "x" }]))).rejects.toThrow(
      "leads out of the layer",
    );
    await expect(importTar(busyboxTar().subarray(0, 700))).rejects.toThrow("ends in the middle");
    await expect(importTar(Buffer.from("no tar at all".repeat(100)))).rejects.toThrow("Invalid tar archive");
    await expect(importTar(gzipSync(busyboxTar()).subarray(0, 5000))).rejects.toThrow("Cannot decompress");
    await expect(importTar(Buffer.alloc(0))).rejects.toThrow("it is empty");
    await bench.images.recover();
    expect(readdirSync(bench.layout.layersDir)).toEqual(before);
    expect(readdirSync(join(bench.layout.contentDir, "blobs/sha256"))).toEqual([]);
    expect(readdirSync(bench.layout.temporaryDir).filter((name) => /^(blob|layer)-/.test(name))).toEqual([]);
    expect(await bench.images.port.list()).toEqual([]);
  });

  it("answer to names, digests, ids and unique prefixes of ids", async () => {
    const { id } = await importTar(tarOf([{ name: "a" }]), "127.0.0.1:5000/team/app:2");
    for (const name of ["127.0.0.1:5000/team/app:2", id, id.slice(7), id.slice(7, 19)])
      expect((await bench.images.port.inspect(name)).id).toBe(id);
    const gone = bench.images.port.inspect("nosuch");
    await expect(gone).rejects.toMatchObject({ kind: "not-found", message: "No such image: nosuch:latest" });
    await expect(bench.images.port.tag(id, "BAD")).rejects.toThrow(
      "invalid reference format: repository name (library/BAD) must be lowercase",
    );
  });

  it("go with their last name, unless a container uses them", async () => {
    const { id } = await importTar(tarOf([{ name: "a" }]), "x:1");
    await bench.images.port.tag("x:1", "x:2");
    expect(await bench.images.port.remove("x:1")).toEqual([{ untagged: "x:1" }]);
    bench.using.set(id, [{ id: "c".repeat(64), name: "web", isRunning: false }]);
    await expect(bench.images.port.remove("x:2")).rejects.toThrow(
      `conflict: unable to remove repository reference "x:2" (must force) - container cccccccccccc is using its referenced image ${id.slice(7, 19)}`,
    );
    await expect(bench.images.port.remove(id)).rejects.toThrow(
      `conflict: unable to delete ${id.slice(7, 19)} (must be forced) - image is being used by stopped container cccccccccccc`,
    );
    bench.using.set(id, [{ id: "c".repeat(64), name: "web", isRunning: true }]);
    await expect(bench.images.port.remove(id, { force: true })).rejects.toThrow(
      "(cannot be forced) - image is being used by running container cccccccccccc",
    );
    bench.using.delete(id);
    const removed = await bench.images.port.remove("x:2");
    expect(removed).toEqual([
      { untagged: "x:2" },
      { deleted: id },
      { deleted: expect.stringMatching(/^sha256:/) },
    ]);
    expect(readdirSync(bench.layout.layersDir)).toEqual([]);
    expect(readdirSync(join(bench.layout.contentDir, "blobs/sha256"))).toEqual([]);
  });

  it("stay for a container that is being made of them", async () => {
    const { id } = await importTar(tarOf([{ name: "a" }]), "x:1");
    const { port } = bench.images;
    await bench.images.resolve("x:1", "c".repeat(64));
    await expect(port.remove("x:1")).rejects.toThrow("container cccccccccccc is using its referenced image");
    await expect(port.prune({ dangling: ["false"] })).resolves.toEqual({ removed: [], reclaimedBytes: 0 });
    // One that is about to go is not found.
    const removing = port.remove("x:1", { force: true });
    await expect(bench.images.resolve("x:1", "d".repeat(64))).rejects.toMatchObject({ kind: "not-found" });
    await removing;
    expect((await bench.images.resolve(id)).layerDirs.map(existsSync)).toEqual([true]);
    bench.images.settled("c".repeat(64));
    await bench.images.recover();
    expect(readdirSync(bench.layout.layersDir)).toEqual([]);
  });

  it("deleted by force keep their layers for the container that has them", async () => {
    const { id } = await importTar(tarOf([{ name: "a", data: "kept" }]), "x:1");
    bench.using.set(id, [{ id: "c".repeat(64), name: "web", isRunning: false }]);
    await bench.images.port.remove("x:1", { force: true });
    expect(await bench.images.port.list()).toEqual([]);
    const [layer = ""] = (await bench.images.resolve(id)).layerDirs;
    expect(readFileSync(join(layer, "a"), "utf8")).toBe("kept");
    await bench.images.collectHeld();
    expect(existsSync(layer)).toBe(true);
    bench.using.delete(id);
    await bench.images.collectHeld();
    expect(readdirSync(bench.layout.layersDir)).toEqual([]);
    expect(readdirSync(join(bench.layout.contentDir, "blobs/sha256"))).toEqual([]);
  });

  it.each(["prune", "recover"] as const)("deleted by force and left over go with %s", async (how) => {
    const { id } = await importTar(tarOf([{ name: "a", data: "kept" }]), "x:1");
    bench.using.set(id, [{ id: "c".repeat(64), name: "web", isRunning: false }]);
    await bench.images.port.remove("x:1", { force: true });
    bench.using.delete(id);
    await (how === "prune" ? bench.images.port.prune() : bench.images.recover());
    expect(readdirSync(bench.layout.layersDir)).toEqual([]);
    expect(readdirSync(bench.layout.imagesDir)).toEqual(["references.json"]);
  });

  it("share layers, list by filter and are pruned when nothing uses them", async () => {
    const base = await importTar(tarOf([folder("a"), { name: "a/f", data: "base" }]), "base:1");
    const child = await bench.images.commitLayer({
      parentId: base.id,
      layer: stream(tarOf([{ name: "a/g", data: "child" }])),
      config: { cmd: ["g"], labels: { tier: "db" } },
      createdBy: "RUN g",
      reference: "child:1",
    });
    const { layerDirs } = await bench.images.resolve("child:1");
    expect(layerDirs).toHaveLength(2);
    expect(layerDirs[1]).toBe((await bench.images.resolve("base:1")).layerDirs[0]);
    const history = await bench.images.port.history("child:1");
    expect(history.map(({ id, createdBy, sizeBytes }) => [id, createdBy, sizeBytes])).toEqual([
      [child.id, "RUN g", 5],
      [base.id, "", 4],
    ]);
    const named = await bench.images.port.list({ filters: { reference: ["ch*"] } });
    expect(named.map((image) => image.repoTags)).toEqual([["child:1"]]);
    expect(await bench.images.port.list({ filters: { label: ["tier=db"], before: ["base:1"] } })).toEqual([]);
    await expect(bench.images.port.list({ filters: { nosuch: ["x"] } })).rejects.toThrow(
      "invalid filter 'nosuch'",
    );
    await bench.images.port.remove("child:1", { noPrune: true });
    await expect(bench.images.port.prune()).resolves.toEqual({ removed: [], reclaimedBytes: 0 });
    const { removed, reclaimedBytes } = await bench.images.port.prune({ dangling: ["false"] });
    expect(removed[0]).toEqual({ untagged: "base:1" });
    expect(reclaimedBytes).toBe(4);
  });

  it("have folders that a layer only passes through look as below", async () => {
    const base = await importTar(tarOf([folder("data", { mode: 0o700, uid: 33, gid: 44 })]), "base:1");
    const child = await bench.images.commitLayer({
      parentId: base.id,
      layer: stream(tarOf([{ name: "data/new", data: "x" }])),
      config: {},
      createdBy: "x",
    });
    const [top = ""] = (await bench.images.resolve(child.id)).layerDirs;
    expect(lstatSync(join(top, "data"))).toMatchObject({ mode: 0o40700, uid: 33, gid: 44 });
  });

  it("cannot give the machine's folders another look, by a link in the place of one that a layer passed through", async () => {
    // What a layer's link `../..` leads to while the layer is being made.
    const outside = bench.layout.temporaryDir;
    mkdirSync(join(outside, "etc"), { mode: 0o750 });
    const evil = folder("a/etc", { mode: 0o4777, uid: 1234, gid: 1234 });
    const base = await importTar(tarOf([folder("a"), evil, link("b", outside)]), "base:1");
    const whiteout: TarItem = { name: "a/etc/.wh.x" };
    const [{ id }, through] = [
      await bench.images.commitLayer({
        parentId: base.id,
        layer: stream(tarOf([whiteout, link("a", "../..")])),
        config: {},
        createdBy: "x",
      }),
      await bench.images.commitLayer({
        parentId: base.id,
        layer: stream(tarOf([{ name: "b/etc/f", data: "1" }])),
        config: {},
        createdBy: "x",
      }),
    ];
    expect(lstatSync(join(outside, "etc"))).toMatchObject({ mode: 0o40750, uid: 0, gid: 0 });
    const [top = ""] = (await bench.images.resolve(id)).layerDirs;
    expect(lstatSync(join(top, "a")).isSymbolicLink()).toBe(true);
    const [other = ""] = (await bench.images.resolve(through.id)).layerDirs;
    expect(lstatSync(join(other, "b/etc"))).toMatchObject({ mode: 0o40755, uid: 0, gid: 0 });
  });

  it("whose layers go through links stay inside", async () => {
    const { id } = await importTar(
      tarOf([
        link("d", "/tmp/canary"),
        { name: "d/x", data: "1" },
        link("up", "../../../tmp"),
        { name: "up/y", data: "2" },
      ]),
    );
    const [layer = ""] = (await bench.images.resolve(id)).layerDirs;
    expect(readFileSync(join(layer, "tmp/canary/x"), "utf8")).toBe("1");
    expect(readFileSync(join(layer, "tmp/y"), "utf8")).toBe("2");
  });

  it("whose layers name things twice have the later, and special files and bits as they are said to be", async () => {
    const { id } = await importTar(
      tarOf([
        { name: "f", data: "first" },
        link("l", "/etc/passwd"),
        { name: "t", type: "symlink", linkName: "f" },
        { name: "h", type: "hardlink", linkName: "t" },
        { name: "l", data: "plain now" },
        { name: "h", data: "no link now" },
        { name: "f", data: "second", mode: 0o6755, uid: 7, gid: 8 },
        { name: "disk", type: "block-device", deviceMajor: 8, deviceMinor: 0, mode: 0o660 },
        { name: "pipe", type: "fifo", mode: 0o640 },
        folder("sticky", { mode: 0o1777 }),
        ...["/usr", "/", "sticky", "../sticky", "/sticky"].flatMap((target, n) => [
          link(`d${n}`, target),
          folder(`d${n}`),
          { name: `d${n}/in`, data: target },
        ]),
      ]),
    );
    const [layer = ""] = (await bench.images.resolve(id)).layerDirs;
    const text = (name: string) => readFileSync(join(layer, name), "utf8");
    expect([text("f"), text("l"), text("h"), text("t")]).toEqual([
      "second",
      "plain now",
      "no link now",
      "second",
    ]);
    const folders = [0, 1, 2, 3, 4].map((n) => `d${n}`);
    expect(folders.map((name) => lstatSync(join(layer, name)).isDirectory())).toEqual(
      folders.map(() => true),
    );
    expect(folders.map((name) => text(`${name}/in`))).toEqual([
      "/usr",
      "/",
      "sticky",
      "../sticky",
      "/sticky",
    ]);
    expect(readdirSync(join(layer, "sticky"))).toEqual([]);
    const stat = (name: string) =>
      execFileSync("stat", ["-c", "%F %a %u:%g %t", join(layer, name)], { encoding: "utf8" }).trim();
    expect(["f", "disk", "pipe", "sticky"].map(stat)).toEqual([
      "regular file 6755 7:8 0",
      "block special file 660 0:0 8",
      "fifo 640 0:0 0",
      "directory 1777 0:0 0",
    ]);
  });

  it.each([
    ["record is damaged", (bench: ImageBench, id: string) => writeFileSync(recordOf(bench, id), "{")],
    ["record cannot be read", (bench: ImageBench, id: string) => makeUnreadable(recordOf(bench, id))],
    ["configuration is damaged", (bench: ImageBench, id: string) => appendFileSync(blobOf(bench, id), "x")],
    ["configuration is missing", (bench: ImageBench, id: string) => rmSync(blobOf(bench, id))],
    ["record is gone, with a container", (bench: ImageBench, id: string) => rmSync(recordOf(bench, id))],
  ])("whose %s when the engine starts keep their layers, and come back by a load", async (what, spoil) => {
    const { id } = await importTar(tarOf([{ name: "a" }]), "x:1");
    const archive = await drained(await bench.images.port.save(["x:1"]));
    const child = await bench.images.commitLayer({
      ...{ parentId: id, layer: stream(tarOf([{ name: "b" }])), config: {} },
      ...{ createdBy: "b", reference: "child:1" },
    });
    if (what.includes("container"))
      bench.using.set(id, [{ id: "c".repeat(64), name: "web", isRunning: true }]);
    const layers = readdirSync(bench.layout.layersDir);
    spoil(bench, id);
    const again = await bench.reopen();
    await again.recover();
    expect(await checkStore(again.context)).toContainEqual({
      kind: "lost-image",
      digest: id,
      images: what.includes("gone") ? [] : ["x:1"],
    });
    // Its layer is the child's, too.
    await again.port.remove("child:1");
    await again.port.prune();
    expect(await again.port.list()).toEqual([]);
    expect(readdirSync(bench.layout.layersDir)).toEqual(layers);
    await again.port.load(stream(archive));
    expect((await again.port.inspect("x:1")).id).toBe(id);
    await again.port.prune();
    expect(await checkStore(again.context)).toEqual([]);
    expect(again.context.images.get(child.id)).toBeUndefined();
    expect(readdirSync(bench.layout.layersDir)).toHaveLength(1);
  });

  it("that cannot be read can be given up", async () => {
    const { id } = await importTar(tarOf([{ name: "a" }]), "x:1");
    writeFileSync(recordOf(bench, id), "{");
    const again = await bench.reopen();
    bench.using.set(id, [{ id: "c".repeat(64), name: "web", isRunning: true }]);
    await expect(again.port.remove("x:1", { force: true })).rejects.toThrow("used by container cccccccccccc");
    bench.using.delete(id);
    await expect(again.port.remove("x:1")).resolves.toEqual([{ untagged: "x:1" }, { deleted: id }]);
    expect(readdirSync(bench.layout.layersDir)).toEqual([]);
    expect(readdirSync(bench.layout.imagesDir)).toEqual(["references.json"]);
  });

  it("can be verified against their digests", async () => {
    const { id } = await importTar(tarOf([{ name: "a", data: "kept" }]), "x:1");
    const { context } = bench.images;
    expect(await checkStore(context)).toEqual([]);
    const blob = context.images.get(id)?.layers[0]?.blob.digest ?? "";
    appendFileSync(context.content.pathOf(blob), "more");
    const [layer = ""] = (await bench.images.resolve(id)).layerDirs;
    rmSync(layer, { recursive: true });
    expect(await checkStore(context)).toEqual([
      { kind: "damaged-blob", digest: blob, images: ["x:1"] },
      { kind: "missing-layer", digest: expect.stringMatching(/^sha256:/), images: ["x:1"] },
    ]);
    rmSync(context.content.pathOf(blob));
    expect((await checkStore(context))[0]).toEqual({ kind: "missing-blob", digest: blob, images: ["x:1"] });
  });
});
