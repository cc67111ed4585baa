import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CacheMounts } from "../../../../src/runtime/engine/build/cache-mounts.ts";
import { type DiskLayout, diskLayout } from "../../../../src/runtime/engine/disk-layout.ts";
import { Trash } from "../../../../src/runtime/engine/rootfs/index.ts";

describe("cache mounts", () => {
  let folder: string;
  let layout: DiskLayout;
  let trash: Trash;
  let mounts: CacheMounts;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "stowage-cache-mounts-"));
    layout = diskLayout(join(folder, "root"), join(folder, "run"));
    trash = await Trash.open(layout.temporaryDir);
    mounts = new CacheMounts(layout, trash);
  });
  afterEach(async () => {
    await trash.settled();
    rmSync(folder, { recursive: true, force: true });
  });

  const fill = async () => {};
  const take = (isPrivate = false) => mounts.take("key", { isPrivate, fill });
  const unfinished = () => readdirSync(layout.temporaryDir).filter((name) => name !== "trash");

  it("are there for the next command, but not two at a time when they are private", async () => {
    const [one, two] = await Promise.all([take(true), take(true)]);
    expect(two.dir).not.toBe(one.dir);
    writeFileSync(join(one.dir, "kept"), "");
    expect(readdirSync(two.dir)).toEqual([]);
    await Promise.all([one.release(), two.release()]);
    expect(unfinished()).toEqual([]);
    const next = await take(true);
    expect(readdirSync(next.dir)).toEqual(["kept"]);
  });

  it("are shared by all who share, yet not with a private user", async () => {
    const [first, shared, alone, other] = await Promise.all([take(true), take(), take(true), take()]);
    expect(other.dir).toBe(shared.dir);
    expect(new Set([first.dir, shared.dir, alone.dir]).size).toBe(3);
    await shared.release();
    writeFileSync(join(other.dir, "still"), "");
    await Promise.all([first.release(), alone.release(), other.release()]);
    expect(unfinished()).toEqual([]);
  });

  it("are not discarded before their last user has gone", async () => {
    const [one, two] = await Promise.all([take(), take()]);
    await one.release();
    expect(mounts.isInUse("key")).toBe(true);
    expect(await mounts.discard("key")).toBe(false);
    await two.release();
    expect(mounts.isInUse("key")).toBe(false);
    const [isGone, next] = await Promise.all([mounts.discard("key"), take()]);
    expect([isGone, await mounts.names()]).toEqual([false, ["key"]]);
    await next.release();
    expect([await mounts.discard("key"), await mounts.names()]).toEqual([true, []]);
  });

  it("are filled whole or not at all", async () => {
    const broken = mounts.take("key", {
      isPrivate: false,
      fill: async (dir) => {
        await writeFile(join(dir, "half"), "");
        throw new Error("cancelled");
      },
    });
    const waiting = mounts.take("key", {
      isPrivate: false,
      fill: async (dir) => {
        expect(await readdir(dir)).toEqual([]);
        await writeFile(join(dir, "whole"), "");
      },
    });
    await expect(broken).rejects.toThrow("cancelled");
    const { dir, release } = await waiting;
    expect(readdirSync(dir)).toEqual(["whole"]);
    await release();
    expect([mounts.isInUse("key"), unfinished()]).toEqual([false, []]);
  });
});
