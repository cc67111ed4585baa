import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkStore } from "../../src/runtime/engine/images/index.ts";
import type { ImagePart } from "../../src/runtime/engine/parts.ts";
import {
  drained,
  folder,
  type ImageBench,
  link,
  openImageBench,
  stream,
  type TarItem,
  tarOf,
} from "../support/image-bench.ts";

const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");

describe("image archives", () => {
  let here: ImageBench;
  let there: ImageBench;

  beforeEach(async () => {
    here = await openImageBench("save");
    there = await openImageBench("load");
  });
  afterEach(async () => {
    await here.close();
    await there.close();
  });

  const baseTar = () => tarOf([folder("a"), { name: "a/f", data: "base" }]);

  async function twoLayers(images: ImagePart): Promise<string> {
    const base = await images.port.import(stream(baseTar()), { reference: "team/base:1" });
    const { id } = await images.commitLayer({
      parentId: base.id,
      layer: stream(tarOf([{ name: "a/.wh.f" }, { name: "a/g", data: "child" }])),
      config: { cmd: ["sh"], env: ["A=1"] },
      createdBy: "RUN g",
      reference: "team/app:2",
    });
    return id;
  }

  async function saved(bench: ImageBench, names: readonly string[]): Promise<string> {
    const path = join(bench.folder, "saved.tar");
    writeFileSync(path, await drained(await bench.images.port.save(names)));
    return path;
  }

  it("carry images to a machine without a registry, names and layers unchanged", async () => {
    const id = await twoLayers(here.images);
    const path = await saved(here, ["team/app:2", "team/base:1"]);
    const loaded = await there.images.port.load(createReadStream(path));
    expect(loaded.references).toEqual(["team/app:2", "team/base:1"]);
    expect(loaded.ids[0]).toBe(id);
    expect((await there.images.port.inspect("team/app:2")).config).toEqual({ cmd: ["sh"], env: ["A=1"] });
    const manifestOf = (bench: ImageBench) => bench.images.context.images.get(id)?.manifest;
    expect(manifestOf(there)).toEqual(manifestOf(here));
    const [top = ""] = (await there.images.resolve(id)).layerDirs;
    expect(readdirSync(join(top, "a")).sort()).toEqual(["f", "g"]);
    const again = await there.images.port.load(stream(gzipSync(readFileSync(path))));
    expect(again.ids).toEqual(loaded.ids);
  });

  it.each(["missing", "changed"])("bring back what is %s here", async (how) => {
    const id = await twoLayers(here.images);
    const path = await saved(here, ["team/app:2"]);
    const plain = join(here.folder, "plain.tar");
    const skopeo = [
      "copy",
      "--insecure-policy",
      `docker-archive:${path}`,
      `docker-archive:${plain}:team/app:2`,
    ];
    execFileSync("skopeo", skopeo, { stdio: "pipe" });
    const { context, port } = here.images;
    for (const archive of [path, plain]) {
      const blob = context.images.get(id)?.layers[1]?.blob.digest ?? "";
      if (how === "missing") rmSync(context.content.pathOf(blob));
      else
        writeFileSync(
          context.content.pathOf(blob),
          readFileSync(context.content.pathOf(blob)).fill("x", 10, 20),
        );
      expect(await checkStore(context)).toMatchObject([{ digest: blob }]);
      await port.load(createReadStream(archive));
      await port.prune();
      expect(await checkStore(context)).toEqual([]);
    }
  });

  it("are read by another program, and what it writes is read here", async () => {
    const id = await twoLayers(here.images);
    const path = await saved(here, ["team/app:2"]);
    const skopeo = (from: string, to: string) =>
      execFileSync("skopeo", ["copy", "--insecure-policy", from, to], { stdio: "pipe" });
    const oci = join(here.folder, "oci.tar");
    skopeo(`docker-archive:${path}`, `oci-archive:${oci}:team/app:3`);
    const fromOci = await there.images.port.load(createReadStream(oci));
    expect(fromOci.references).toEqual(["team/app:3"]);
    expect((await there.images.port.inspect("team/app:3")).diffIds).toEqual(
      (await here.images.port.inspect(id)).diffIds,
    );
    const docker = join(here.folder, "docker.tar");
    skopeo(`oci-archive:${oci}`, `docker-archive:${docker}:team/app:4`);
    const fromDocker = await there.images.port.load(createReadStream(docker));
    expect(fromDocker.references).toEqual(["team/app:4"]);
  });

  /** As `docker save` wrote them before version 25. */
  function oldArchive(
    change: (parts: { config: unknown; layer: Buffer; manifest: unknown[] }) => void = () => {},
  ) {
    const layer = tarOf([{ name: "f", data: "x" }]);
    const config = {
      architecture: "amd64",
      os: "linux",
      config: {},
      rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`, `sha256:${sha256(layer)}`] },
      history: [],
    };
    const parts = {
      config: config as unknown,
      layer,
      manifest: [
        { Config: "c.json", RepoTags: ["old:1"], Layers: ["aa/layer.tar", "bb/layer.tar"] },
      ] as unknown[],
    };
    change(parts);
    const items: TarItem[] = [
      folder("aa"),
      { name: "aa/layer.tar", data: parts.layer },
      folder("bb"),
      link("bb/layer.tar", "../aa/layer.tar"),
      { name: "c.json", data: JSON.stringify(parts.config) },
      { name: "manifest.json", data: JSON.stringify(parts.manifest) },
    ];
    return stream(tarOf(items));
  }

  it("of old Docker versions are read, links between layers included", async () => {
    const { references, ids } = await here.images.port.load(oldArchive());
    expect(references).toEqual(["old:1"]);
    expect((await here.images.resolve(ids[0] ?? "")).layerDirs).toHaveLength(2);
  });

  /** Two layers, unpacked as old Docker versions pack them: the first that of `team/base:1`. */
  function onBase(): Readable {
    const layers = [baseTar(), tarOf([{ name: "own", data: "own" }])];
    const diffIds = layers.map((layer) => `sha256:${sha256(layer)}`);
    const config = {
      os: "linux",
      architecture: "amd64",
      config: {},
      rootfs: { type: "layers", diff_ids: diffIds },
    };
    const Layers = layers.map((_, index) => `${index}/layer.tar`);
    return stream(
      tarOf([
        ...layers.map((data, index) => ({ name: Layers[index] ?? "", data })),
        { name: "c.json", data: JSON.stringify(config) },
        { name: "manifest.json", data: JSON.stringify([{ Config: "c.json", RepoTags: ["new:1"], Layers }]) },
      ]),
    );
  }

  it("have their layers, also those of an image that is removed meanwhile", async () => {
    await here.images.port.import(stream(baseTar()), { reference: "team/base:1" });
    let removing: Promise<unknown> | undefined;
    const options = {
      // Once the layer that is known has been looked up, and before the image is made.
      onProgress: () => {
        removing ??= here.images.port.remove("team/base:1");
      },
    };
    const { ids } = await here.images.port.load(onBase(), options);
    expect(await removing).toContainEqual({ untagged: "team/base:1" });
    const loaded = await there.images.port.load(await here.images.port.save(["new:1"]));
    expect(loaded.ids).toEqual(ids);
  });

  it("bring a layer again whose blob is lost", async () => {
    await here.images.port.import(stream(baseTar()), { reference: "team/base:1" });
    const blobs = join(here.layout.contentDir, "blobs/sha256");
    const lost = readdirSync(blobs).find((name) => readFileSync(join(blobs, name))[0] === 0x1f);
    rmSync(join(blobs, lost ?? ""));
    await here.images.port.load(onBase());
    const loaded = await there.images.port.load(await here.images.port.save(["new:1", "team/base:1"]));
    expect(loaded.references).toEqual(["new:1", "team/base:1"]);
  });

  const lies: readonly (readonly [string, Parameters<typeof oldArchive>[0], string])[] = [
    [
      "a layer is not what its digest says",
      (parts) => {
        parts.layer = tarOf([{ name: "f", data: "y" }]);
      },
      "as stated",
    ],
    [
      "a path leads out of it",
      (parts) => {
        parts.manifest = [{ Config: "../../../../etc/passwd", Layers: [] }];
      },
      "is missing from the archive",
    ],
    [
      "the count of layers is wrong",
      (parts) => {
        parts.manifest = [{ Config: "c.json", Layers: ["aa/layer.tar"] }];
      },
      "layers length mismatch",
    ],
    [
      "the configuration is no object",
      (parts) => {
        parts.config = [1];
      },
      "it is no object",
    ],
  ];

  it.each(lies)("are refused whole when %s", async (_what, change, message) => {
    await expect(here.images.port.load(oldArchive(change))).rejects.toThrow(message);
    expect(await here.images.port.list({ all: true })).toEqual([]);
    await here.images.recover();
    expect(readdirSync(join(here.layout.contentDir, "blobs/sha256"))).toEqual([]);
    expect(readdirSync(here.layout.layersDir)).toEqual([]);
  });

  it("are told from garbage", async () => {
    await expect(here.images.port.load(stream(Buffer.from("garbage")))).rejects.toThrow(
      "Invalid tar archive",
    );
    await expect(here.images.port.load(stream(tarOf([{ name: "x" }])))).rejects.toThrow(
      "this is neither a Docker nor an OCI image archive",
    );
    await expect(here.images.port.save(["nosuch"])).rejects.toThrow("No such image: nosuch");
  });
});
