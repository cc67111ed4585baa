import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extract } from "tar-stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { buildContext } from "../../src/daemon/build-context.ts";
import { isFolderSource, tarOfAll } from "../../src/runtime/index.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "stw-context-"));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(dir, path, ".."), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
}

function contextFolder(dockerfile?: string) {
  return buildContext({
    context: join(dir, "app"),
    ...(dockerfile !== undefined && { dockerfile }),
  });
}

/** Entries in the order they came: `name`, `name=text`, `name->target`; long texts by their length. */
async function packed(dockerfile?: string): Promise<readonly string[]> {
  const entries: string[] = [];
  const { context } = await contextFolder(dockerfile);
  const reader = tarOfAll(context).pipe(extract());
  for await (const entry of reader) {
    const { name, type, linkname } = entry.header;
    let text = "";
    for await (const chunk of entry) text += String(chunk);
    if (type === "file") entries.push(`${name}=${text.length > 100 ? text.length : text}`);
    else entries.push(type === "symlink" ? `${name}->${linkname}` : name);
  }
  return entries;
}

describe("a build context", () => {
  it("has all in order, folders first, long files and links as they are", async () => {
    const many = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`app/m/${index + 10}`, `${index}`]),
    );
    write({ "app/Dockerfile": "FROM x", "app/long": "l".repeat(300_000), ...many });
    symlinkSync("../elsewhere", join(dir, "app/link"));
    expect(await packed()).toEqual([
      "Dockerfile=FROM x",
      "link->../elsewhere",
      "long=300000",
      "m/",
      ...Array.from({ length: 30 }, (_, index) => `m/${index + 10}=${index}`),
    ]);
  });

  it("lacks what .dockerignore excludes, but for its exceptions and the Dockerfile", async () => {
    write({
      "app/.dockerignore": "node_modules\ndocs\n!docs/kept\nDockerfile\n",
      "app/Dockerfile": "FROM x",
      "app/docs/kept": "k",
      "app/docs/other": "o",
      "app/node_modules/a": "a",
    });
    expect(await packed()).toEqual([
      ".dockerignore=node_modules\ndocs\n!docs/kept\nDockerfile\n",
      "Dockerfile=FROM x",
      "docs/",
      "docs/kept=k",
    ]);
  });

  it("has the ignore file of its Dockerfile, which the engine reads, whatever that excludes", async () => {
    write({
      "app/p.Dockerfile": "FROM x",
      "app/p.Dockerfile.dockerignore": "*\n",
      "app/.dockerignore": "",
      "app/a": "a",
    });
    expect(await packed("p.Dockerfile")).toEqual([
      ".dockerignore=",
      "p.Dockerfile=FROM x",
      "p.Dockerfile.dockerignore=*\n",
    ]);
  });

  it("comes with the text of a Dockerfile from outside its folder, and with the place of one inside", async () => {
    write({ "app/a": "a", "app/d/Dockerfile": "FROM x", "other.Dockerfile": "FROM y" });
    const outside = join(dir, "other.Dockerfile");
    expect(await packed(outside)).toEqual(["a=a", "d/", "d/Dockerfile=FROM x"]);
    expect(await contextFolder(outside)).toMatchObject({ dockerfileText: "FROM y" });
    expect(await contextFolder(join(dir, "app/d/Dockerfile"))).toMatchObject({ dockerfile: "d/Dockerfile" });
    await expect(contextFolder("../none")).rejects.toThrow(/Cannot read the Dockerfile ".*none"/);
  });

  it("tells by a fingerprint what has changed, but not of what may change again within a clock's tick", async () => {
    write({ "app/a": "a", "app/b": "b" });
    const list = async () => {
      const { context } = await contextFolder();
      if (!isFolderSource(context)) throw new Error("no folder");
      return new Map((await context.list()).map(({ path, fingerprint }) => [path, fingerprint]));
    };
    expect((await list()).get("a")).toBeUndefined();
    await vi.waitFor(async () => expect((await list()).get("a")).toBeDefined(), {
      timeout: 5000,
      interval: 100,
    });
    const before = await list();
    const { atime, mtime } = statSync(join(dir, "app/a"));
    write({ "app/a": "A" });
    utimesSync(join(dir, "app/a"), atime, mtime);
    await vi.waitFor(async () => expect((await list()).get("a")).toBeDefined(), {
      timeout: 5000,
      interval: 100,
    });
    const after = await list();
    expect(after.get("b")).toBe(before.get("b"));
    expect(after.get("a")).not.toBe(before.get("a"));
  });

  it("names what cannot be read", async () => {
    write({ "app/a": "a" });
    const { context } = await contextFolder();
    rmSync(join(dir, "app/a"));
    if (!isFolderSource(context)) throw new Error("no folder");
    const files = context.fetch([{ path: "a", isFolder: false, sizeBytes: 1 }]);
    await expect(files.toArray()).rejects.toMatchObject({
      kind: "invalid",
      message: 'Cannot read "a" of the build context',
    });
  });

  it("fails when a folder cannot be packed", async () => {
    write({ app: "no folder" });
    await expect(packed()).rejects.toThrow("is not a folder");
  });
});
