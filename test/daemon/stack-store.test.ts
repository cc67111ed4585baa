import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StackStore } from "../../src/daemon/stack-store.ts";
import type { Desired } from "../../src/planner/index.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "stack-store-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function desired(name: string, image = "busybox"): Desired {
  return {
    stack: {
      name,
      services: { web: { image } },
      networks: {},
      volumes: {},
      configs: {},
      secrets: {},
      models: {},
      workingDir: "/",
      configFiles: [],
      envFiles: [],
      profiles: [],
      disabled: {},
    },
    services: { web: { state: "running" } },
  };
}

describe("StackStore", () => {
  it("has after a restart what was put before", async () => {
    const store = await StackStore.open(dir);
    await store.put("shop", desired("shop"), "up");
    const again = await StackStore.open(dir);
    expect(await again.names()).toEqual(["shop"]);
    expect(await again.get("shop")).toEqual(desired("shop"));
  });

  it("counts changes as revisions, and keeps each", async () => {
    const store = await StackStore.open(dir);
    await store.put("shop", desired("shop"), "up");
    const second = await store.put("shop", desired("shop", "nginx"), "up");
    expect(second.revision).toBe(2);
    const first = JSON.parse(readFileSync(join(dir, "shop/revisions/1.json"), "utf8"));
    expect(first.desired.stack.services.web.image).toBe("busybox");
  });

  it("takes the same again for no change", async () => {
    const store = await StackStore.open(dir);
    await store.put("shop", desired("shop"), "up");
    expect((await store.put("shop", desired("shop"), "up")).revision).toBe(1);
  });

  it("names a file that cannot be read, and keeps the other stacks", async () => {
    const store = await StackStore.open(dir);
    await store.put("shop", desired("shop"), "up");
    await store.put("blog", desired("blog"), "up");
    writeFileSync(join(dir, "shop/desired.json"), "{cut off");
    const again = await StackStore.open(dir);
    expect(await again.names()).toEqual(["blog"]);
    expect(again.broken.get("shop")).toContain(join(dir, "shop/desired.json"));
    expect(() => again.assertReadable("shop")).toThrow(/Cannot read the stored state of stack "shop"/);
  });

  it("stores a broken stack anew with a later revision, and sets the broken file aside", async () => {
    const store = await StackStore.open(dir);
    await store.put("shop", desired("shop"), "up");
    writeFileSync(join(dir, "shop/desired.json"), "{cut off");
    const again = await StackStore.open(dir);
    expect((await again.put("shop", desired("shop"), "up")).revision).toBe(2);
    expect(again.broken.size).toBe(0);
    expect(readFileSync(join(dir, "shop/desired.json.broken"), "utf8")).toBe("{cut off");
  });

  it("forgets a removed stack", async () => {
    const store = await StackStore.open(dir);
    await store.put("shop", desired("shop"), "up");
    await store.remove("shop");
    expect(await (await StackStore.open(dir)).names()).toEqual([]);
  });
});
