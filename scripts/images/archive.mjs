// Turns a root file system's tar into an image archive of one layer, as `docker save` writes it.
// Usage: node archive.mjs <rootfs.tar> <image.json> <output.tar>
// image.json: { "tag": "name:tag", "config": <the OCI image configuration's `config`> }
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

const [rootfs, description, output] = process.argv.slice(2);
if (rootfs === undefined || description === undefined || output === undefined) {
  throw new Error("usage: archive.mjs <rootfs.tar> <image.json> <output.tar>");
}

const { tag, config } = JSON.parse(readFileSync(description, "utf8"));
const layerHash = createHash("sha256");
await pipeline(createReadStream(rootfs), layerHash);
const layer = layerHash.digest("hex");

const architecture = { x64: "amd64", arm64: "arm64" }[process.arch] ?? process.arch;
const image = JSON.stringify({
  architecture,
  os: "linux",
  created: "1970-01-01T00:00:00Z",
  config,
  rootfs: { type: "layers", diff_ids: [`sha256:${layer}`] },
  history: [{ created: "1970-01-01T00:00:00Z", created_by: "scripts/images/build.sh" }],
});
const id = createHash("sha256").update(image).digest("hex");

const folder = `${output}.d`;
mkdirSync(join(folder, layer), { recursive: true });
writeFileSync(join(folder, `${id}.json`), image);
writeFileSync(
  join(folder, "manifest.json"),
  JSON.stringify([{ Config: `${id}.json`, RepoTags: [tag], Layers: [`${layer}/layer.tar`] }]),
);
linkSync(rootfs, join(folder, layer, "layer.tar"));
const { status } = spawnSync("tar", ["-C", folder, "-cf", output, "manifest.json", `${id}.json`, layer], {
  stdio: "inherit",
});
rmSync(folder, { recursive: true });
process.exitCode = status ?? 1;
