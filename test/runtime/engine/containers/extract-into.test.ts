import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ExtractInto } from "../../../../src/runtime/engine/containers/extract-into.ts";
import { ContainerRoot } from "../../../../src/runtime/engine/containers/rooted-path.ts";
import { EMPTY_FOLDER, formatEntry } from "../../../../src/runtime/engine/rootfs/index.ts";

it("has no descriptor open for what it has unpacked", async () => {
  const base = mkdtempSync(join(tmpdir(), "stowage-extract-"));
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  try {
    using root = new ContainerRoot(base);
    const target = new ExtractInto(root, "/", { owner, keepsKind: false });
    const before = readdirSync("/proc/self/fd").length;
    for (let n = 0; n < 200; n++)
      for (const entry of [
        { ...EMPTY_FOLDER, name: `a/b/c/d/${n}` },
        { ...EMPTY_FOLDER, type: "file" as const, name: `a/b/c/d/${n}/file` },
      ])
        await target.write(formatEntry(entry));
    expect(readdirSync("/proc/self/fd").length - before).toBeLessThan(10);
    await target.write(Buffer.alloc(1024));
    await target.end();
    expect(readdirSync("/proc/self/fd").length - before).toBeLessThan(10);
    expect(existsSync(join(base, "a/b/c/d/199/file"))).toBe(true);
  } finally {
    rmSync(base, { recursive: true });
  }
});
