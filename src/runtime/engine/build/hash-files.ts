import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readlinkSync, readSync, type Stats } from "node:fs";
import { posix } from "node:path";
import { ContainerRoot } from "../containers/rooted-path.ts";
import { capabilityOf } from "./file-capability.ts";
import type { IgnoreRules } from "./ignore-rules.ts";
import { childrenOf, rulesWithin, selectFiles } from "./select-files.ts";
import type { HashJob } from "./tree-job.ts";

const BUFFER = Buffer.alloc(1 << 18);

/** A digest of names, kinds, modes and content: what a copy of the selection depends on. Times do not count. */
export function hashFiles(job: HashJob): string {
  const hash = createHash("sha256");
  using root = new ContainerRoot(job.source.dir);
  for (const selected of selectFiles(root, job)) {
    const plainName = selected.stat.isDirectory() ? "" : posix.basename(selected.relative);
    const name = job.keepsParents === true ? selected.kept : plainName;
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
  path: string,
  entry: { readonly name: string; readonly relative: string; readonly stat: Stats },
  how: { readonly rules: IgnoreRules; readonly job: HashJob },
): void {
  const { stat } = entry;
  const owner = how.job.keepsOwner ? ownershipOf(path, stat) : "";
  const detail = stat.isSymbolicLink()
    ? readlinkSync(path)
    : stat.isDirectory()
      ? ""
      : `${stat.size}:${stat.rdev}`;
  hash.update(`${entry.name}\0${stat.mode.toString(8)}\0${owner}\0${detail}\0`);
  if (stat.isFile()) hashContent(hash, path);
  if (!stat.isDirectory()) return;
  for (const child of childrenOf(path, entry.relative, how.rules)) {
    const name = entry.name === "" ? child.name : `${entry.name}/${child.name}`;
    if (!child.isIgnored || child.stat.isDirectory())
      hashEntry(hash, `${path}/${child.name}`, { ...child, name }, how);
  }
}

/** What a copy keeps together with the owner. */
function ownershipOf(path: string, stat: Stats): string {
  const capability = capabilityOf(path, stat)?.toString("hex") ?? "";
  return `${stat.uid}:${stat.gid}:${capability}`;
}

function hashContent(hash: Hash, path: string): void {
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
