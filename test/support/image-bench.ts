import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { type DiskLayout, diskLayout } from "../../src/runtime/engine/disk-layout.ts";
import { openLinuxHost } from "../../src/runtime/engine/host/index.ts";
import type { Host } from "../../src/runtime/engine/host.ts";
import { type OpenedImages, openImages } from "../../src/runtime/engine/images/index.ts";
import type { RootfsPart, Users } from "../../src/runtime/engine/parts.ts";
import { openRootfs } from "../../src/runtime/engine/rootfs/index.ts";
import { EMPTY_FOLDER } from "../../src/runtime/engine/rootfs/layer-filter.ts";
import { formatEntry, paddingOf, type TarEntry } from "../../src/runtime/engine/rootfs/tar/index.ts";

/** A private data root with images and root file systems on it. */
export interface ImageBench {
  readonly folder: string;
  readonly layout: DiskLayout;
  readonly host: Host;
  readonly images: OpenedImages;
  readonly rootfs: RootfsPart;
  /** Containers that use images, by image id. */
  readonly using: Map<string, { id: string; name: string; isRunning: boolean }[]>;
  /** The same root as a fresh start finds it. */
  reopen(): Promise<OpenedImages>;
  close(): Promise<void>;
}

export async function openImageBench(name: string): Promise<ImageBench> {
  const folder = mkdtempSync(`/tmp/stowage-${name}-`);
  const layout = diskLayout(join(folder, "root"), join(folder, "run"));
  const host = await openLinuxHost();
  const using: ImageBench["using"] = new Map();
  const users: Users = {
    images: () => [...using.keys()],
    ofImage: (id) => using.get(id) ?? [],
    ofVolume: () => [],
  };
  return {
    folder,
    layout,
    host,
    using,
    images: await openImages({ layout, host, users }),
    rootfs: await openRootfs({ layout, host }),
    reopen: () => openImages({ layout, host, users }),
    close: async () => {
      await (await openRootfs({ layout, host })).recover(new Set());
      await host.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export interface TarItem extends Partial<Omit<TarEntry, "name">> {
  readonly name: string;
  readonly data?: string | Buffer;
}

/** A tar whose every header says just what the test wants, hostile or not. */
export function tarOf(items: readonly TarItem[]): Buffer {
  const blocks = items.map(({ data = "", ...item }) => {
    const body = Buffer.from(data);
    const defaults = { ...EMPTY_FOLDER, type: "file" as const, mode: 0o644 };
    const entry = { ...defaults, storedBytes: body.length, fileBytes: body.length, ...item };
    return Buffer.concat([formatEntry(entry), body, Buffer.alloc(paddingOf(body.length))]);
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export function folder(name: string, item: Partial<TarItem> = {}): TarItem {
  return { ...item, name: `${name}/`, type: "directory", mode: item.mode ?? 0o755 };
}

export function link(name: string, linkName: string): TarItem {
  return { name, type: "symlink", linkName, mode: 0o777 };
}

/** Debian's static busybox with the applets a test needs. */
export function busyboxTar(applets: readonly string[] = ["sh", "ls", "cat", "echo", "true"]): Buffer {
  return tarOf([
    folder("bin"),
    { name: "bin/busybox", mode: 0o755, data: readFileSync("/bin/busybox") },
    ...applets.map((applet) => link(`bin/${applet}`, "busybox")),
    folder("etc"),
    { name: "etc/passwd", data: "root:x:0:0:root:/root:/bin/sh\n" },
    folder("tmp", { mode: 0o1777 }),
  ]);
}

export function stream(data: Buffer): Readable {
  return Readable.from([data], { objectMode: false });
}

export async function drained(readable: NodeJS.ReadableStream): Promise<Buffer> {
  return buffer(readable);
}

/** Every path below a folder with what it is, for before-and-after comparisons. */
export function inventory(dir: string): string {
  return execFileSync("find", [dir, "-printf", "%P %y %m %U:%G %s %l\n"], { encoding: "utf8" })
    .split("\n")
    .sort()
    .join("\n");
}
