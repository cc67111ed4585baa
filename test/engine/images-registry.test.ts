import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OCI } from "../../src/runtime/engine/images/media-types.ts";
import type { ImageProgress } from "../../src/runtime/index.ts";
import {
  busyboxTar,
  folder,
  type ImageBench,
  openImageBench,
  stream,
  tarOf,
} from "../support/image-bench.ts";
import { openRegistry, type Registry } from "../support/registry-bench.ts";

/** bcrypt of "secret" for "me". */
const HTPASSWD = "me:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";

describe("a registry", () => {
  let here: ImageBench;
  let there: ImageBench;
  let registry: Registry;

  beforeEach(async () => {
    here = await openImageBench("push");
    there = await openImageBench("pull");
    registry = await openRegistry(here.folder);
  });
  afterEach(async () => {
    await registry.close();
    await here.close();
    await there.close();
  });

  async function pushed(name: string): Promise<{ id: string; digest: string; reference: string }> {
    const reference = `${registry.host}/${name}`;
    const base = await here.images.port.import(stream(busyboxTar()), { changes: ['CMD ["sh"]'] });
    const { id } = await here.images.commitLayer({
      parentId: base.id,
      layer: stream(tarOf([folder("srv"), { name: "srv/f", data: name }])),
      config: { cmd: ["sh"] },
      createdBy: "COPY f",
      reference,
    });
    const { digest } = await here.images.port.push(reference);
    return { id, digest, reference };
  }

  it("takes an image and gives the same one back, told as Docker tells it", async () => {
    const { id, digest, reference } = await pushed("team/app:1");
    expect((await here.images.port.inspect(reference)).repoDigests).toEqual([
      `${registry.host}/team/app@${digest}`,
    ]);
    const lines: ImageProgress[] = [];
    const pulled = await there.images.port.pull(reference, { onProgress: (line) => lines.push(line) });
    expect(pulled).toEqual({ id, digest, isNew: true });
    const info = await there.images.port.inspect(reference);
    expect(info.repoTags).toEqual([reference]);
    expect(info.repoDigests).toEqual([`${registry.host}/team/app@${digest}`]);
    const [top = "", base = ""] = (await there.images.resolve(reference)).layerDirs;
    expect(readFileSync(join(top, "srv/f"), "utf8")).toBe("team/app:1");
    expect(readFileSync(join(base, "bin/busybox")).equals(readFileSync("/bin/busybox"))).toBe(true);
    expect(lines[0]).toEqual({ id: "1", status: "Pulling from team/app" });
    const layer = lines[1]?.id;
    expect([...new Set(lines.filter((line) => line.id === layer).map((line) => line.status))]).toEqual([
      "Pulling fs layer",
      "Downloading",
      "Verifying Checksum",
      "Download complete",
      "Extracting",
      "Pull complete",
    ]);
    expect(lines.at(-2)?.status).toBe(`Digest: ${digest}`);
    expect(lines.at(-1)?.status).toBe(`Status: Downloaded newer image for ${reference}`);
    const again = await there.images.port.pull(reference);
    expect(again.isNew).toBe(false);
  });

  it("is asked by digest, and for what is known to be there already", async () => {
    const { id, digest } = await pushed("team/app:1");
    const byDigest = `${registry.host}/team/app@${digest}`;
    await there.images.port.pull(byDigest);
    expect((await there.images.port.inspect(byDigest)).id).toBe(id);
    expect((await there.images.port.inspect(id)).repoTags).toEqual([]);
    const lines: string[] = [];
    await here.images.port.tag(id, `${registry.host}/other/app:2`);
    await here.images.port.push(`${registry.host}/other/app:2`, {
      onProgress: ({ status }) => lines.push(status),
    });
    expect(lines.filter((line) => line === "Mounted from team/app")).toHaveLength(2);
    const second: string[] = [];
    await here.images.port.push(`${registry.host}/other/app:2`, {
      onProgress: ({ status }) => second.push(status),
    });
    expect(second.filter((line) => line === "Layer already exists")).toHaveLength(2);
    const found = await there.images.port.resolve(`${registry.host}/other/app:2`);
    expect(found).toMatchObject({ digest, platforms: [{ os: "linux", architecture: "amd64" }] });
    const search = await there.images.port.search(`${registry.host}/app`);
    expect(search.map(({ name }) => name)).toEqual([
      `${registry.host}/other/app`,
      `${registry.host}/team/app`,
    ]);
  });

  it("that lacks the image says so in Docker's words", async () => {
    await expect(there.images.port.pull(`${registry.host}/nope:1`)).rejects.toMatchObject({
      kind: "not-found",
      message: `manifest for ${registry.host}/nope:1 not found: manifest unknown: manifest unknown`,
    });
    await expect(here.images.port.push(`${registry.host}/nope`)).rejects.toThrow(
      `An image does not exist locally with the tag: ${registry.host}/nope`,
    );
    await expect(there.images.port.pull("127.0.0.1:1/x:1")).rejects.toMatchObject({ kind: "unavailable" });
  });

  it("of another program's making works too, zstd layers and indexes included", async () => {
    const { reference, id } = await pushed("team/app:1");
    const copy = `${registry.host}/copy/app:zstd`;
    const skopeo = (...args: string[]) =>
      execFileSync("skopeo", ["--insecure-policy", "copy", ...args], { stdio: "pipe" });
    skopeo(
      "--format=oci",
      "--dest-compress-format=zstd",
      "--src-tls-verify=false",
      "--dest-tls-verify=false",
      `docker://${reference}`,
      `docker://${copy}`,
    );
    const base = await there.images.port.pull(copy);
    const diffIds = async (bench: ImageBench, name: string) =>
      (await bench.images.port.inspect(name)).diffIds;
    expect(await diffIds(there, copy)).toEqual(await diffIds(here, id));
    // What is made on it is of one family throughout: others refuse a mixture.
    const child = `${registry.host}/copy/child:1`;
    await there.images.commitLayer({
      parentId: base.id,
      layer: stream(tarOf([{ name: "f" }])),
      config: {},
      createdBy: "COPY f",
      reference: child,
    });
    await there.images.port.push(child);
    skopeo("--src-tls-verify=false", `docker://${child}`, `dir:${join(there.folder, "copied")}`);
    const manifest = JSON.parse(readFileSync(join(there.folder, "copied/manifest.json"), "utf8"));
    const types = [manifest, manifest.config, ...manifest.layers].map(({ mediaType }) => mediaType);
    expect(types).toEqual([OCI.manifest, OCI.config, OCI.layerZstd, OCI.layerZstd, OCI.layerGzip]);
  });

  it("that wants credentials gets them, and refuses the wrong ones", async () => {
    const locked = await openRegistry(here.folder, { htpasswd: HTPASSWD });
    try {
      const credentials = { username: "me", password: "secret", serverAddress: locked.host };
      expect(await here.images.port.login(credentials)).toEqual({ status: "Login Succeeded" });
      await expect(here.images.port.login({ ...credentials, password: "wrong" })).rejects.toThrow(
        `login attempt to http://${locked.host}/v2/ failed with status: 401 Unauthorized`,
      );
      const reference = `${locked.host}/private:1`;
      await here.images.port.import(stream(tarOf([{ name: "f" }])), { reference });
      await expect(here.images.port.push(reference)).rejects.toThrow("no basic auth credentials");
      await here.images.port.push(reference, { credentials });
      await expect(there.images.port.pull(reference)).rejects.toMatchObject({ kind: "unauthorized" });
      await there.images.port.pull(reference, { credentials });
    } finally {
      await locked.close();
    }
  });

  it("leaves nothing of a pull that was cancelled but what the next one goes on with", async () => {
    const { reference } = await pushed("team/app:1");
    const abort = new AbortController();
    const pulling = there.images.port.pull(reference, {
      signal: abort.signal,
      onProgress: ({ status }) => status === "Downloading" && abort.abort(),
    });
    await expect(pulling).rejects.toMatchObject({ kind: "cancelled" });
    expect(await there.images.port.list({ all: true })).toEqual([]);
    await there.images.recover();
    expect(readdirSync(join(there.layout.contentDir, "blobs/sha256"))).toEqual([]);
    expect(readdirSync(there.layout.temporaryDir).sort()).toEqual(
      expect.not.arrayContaining([expect.stringMatching(/^partial/)]),
    );
    await there.images.port.pull(reference);
  });
});
