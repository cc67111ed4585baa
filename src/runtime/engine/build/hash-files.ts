import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readlinkSync, readSync, type Stats } from "node:fs";
import { ContainerRoot } from "../containers/rooted-path.ts";
import { capabilityOf } from "./file-capability.ts";
import type { IgnoreRules } from "./ignore-rules.ts";
import { childrenOf, joinBytes, rulesWithin, selectFiles } from "./select-files.ts";
import type { HashJob } from "./tree-job.ts";

const BUFFER = Buffer.alloc(1 << 18);

/** A digest of names, kinds, modes and content: what a copy of the selection depends on. Times do not count. */
export function hashFiles(job: HashJob): string {
  const hash = createHash("sha256");
  using root = new ContainerRoot(job.source.dir);
  for (const selected of selectFiles(root, job)) {
    const plainName = selected.stat.isDirectory() ? Buffer.alloc(0) : selected.name;
    const name = job.keepsParents === true ? Buffer.from(selected.kept) : plainName;
    hashEntry(
      hash,
      selected.path,
      { name, stat: selected.stat, relative: selected.relative },
      { rules: rulesWithin(job.source, selected.within), job },
    );
  }
  return hash.digest("hex");
}

function hashEntry(
  hash: Hash,
  path: string | Buffer,
  entry: { readonly name: Buffer; readonly relative: string; readonly stat: Stats },
  how: { readonly rules: IgnoreRules; readonly job: HashJob },
): void {
  const { stat } = entry;
  const owner = how.job.keepsOwner ? ownershipOf(path, stat) : "";
  const detail = stat.isSymbolicLink()
    ? readlinkSync(path, { encoding: "buffer" })
    : stat.isDirectory()
      ? ""
      : `${stat.size}:${stat.rdev}`;
  hash
    .update(entry.name)
    .update(`\0${stat.mode.toString(8)}\0${owner}\0`)
    .update(detail)
    .update("\0");
  if (stat.isFile()) hashContent(hash, path);
  if (!stat.isDirectory()) return;
  for (const child of childrenOf(path, entry.relative, how.rules)) {
    const name = entry.name.length === 0 ? child.name : joinBytes(entry.name, child.name);
    if (!child.isIgnored || child.stat.isDirectory()) hashEntry(hash, child.path, { ...child, name }, how);
  }
}

/** What a copy keeps together with the owner. */
function ownershipOf(path: string | Buffer, stat: Stats): string {
  const capability = capabilityOf(path, stat)?.toString("hex") ?? "";
  return `${stat.uid}:${stat.gid}:${capability}`;
}

function hashContent(hash: Hash, path: string | Buffer): void {
  const fd = openSync(path, "r");
  try {
    for (;;) {
      const bytes = readSync(fd, BUFFER, 0, BUFFER.length, null);
      if (bytes === 0) return;
      hash.update(BUFFER.subarray(0, bytes));
    }
  } finally {
    closeSync(fd);
  }
}
