import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import tar from "tar-stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copyOut, unpackInto } from "../../src/cli/copy-files.ts";
import type { ContainerRuntime } from "../../src/runtime/index.ts";

let dir: string;
/** Where the archives go, and what lies outside of it. */
let target: string;
let outside: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "stowage-unpack-"));
  target = join(dir, "target");
  outside = join(dir, "outside");
  mkdirSync(target);
  mkdirSync(outside, { mode: 0o700 });
  writeFileSync(join(outside, "keys"), "the user's");
  chmodSync(join(outside, "keys"), 0o600);
});

afterEach(() => rmSync(dir, { recursive: true }));

type Entry = Partial<tar.Header> & { readonly name: string; readonly text?: string };

function archiveOf(...entries: readonly Entry[]): Readable {
  const pack = tar.pack();
  for (const { text = "", ...header } of entries) {
    pack.entry({ mode: header.type === "directory" ? 0o777 : 0o666, mtime: new Date(0), ...header }, text);
  }
  pack.finalize();
  return pack as unknown as Readable;
}

/** A container at whose path `data` is what the archive says. */
function containerWith(...entries: readonly Entry[]): ContainerRuntime {
  const readArchive = async () => ({ stat: { name: "data" }, archive: archiveOf(...entries) });
  return { containers: { readArchive } } as unknown as ContainerRuntime;
}

function copy(path: string, to: string, ...entries: readonly Entry[]): Promise<void> {
  return copyOut(containerWith(...entries), { containerId: "web", path }, to, { archive: true });
}

function expectNothingTouched(): void {
  expect(readdirSync(outside)).toEqual(["keys"]);
  expect(statSync(outside).mode & 0o777).toBe(0o700);
  expect(statSync(outside).mtimeMs).toBeGreaterThan(0);
  expect(readFileSync(join(outside, "keys"), "utf8")).toBe("the user's");
  expect(statSync(join(outside, "keys")).mode & 0o777).toBe(0o600);
  expect(statSync(join(outside, "keys")).nlink).toBe(1);
  expect(statSync(join(outside, "keys")).uid).toBe(process.getuid?.());
}

// A rejection that nobody handles ends the program with a stack trace; vitest fails on it, too.
it("an archive that breaks off is an error, said once", async () => {
  const broken = new Readable({
    read() {
      this.destroy(new Error("the engine has gone"));
    },
  });
  await expect(unpackInto(broken, target)).rejects.toThrow("the engine has gone");
});

const folder = (name: string): Entry => ({ name: `${name}/`, type: "directory", uid: 4711, gid: 4711 });
const file = (name: string): Entry => ({ name, type: "file", text: "the container's", uid: 4711, gid: 4711 });
const linkTo = (name: string, linkname: string): Entry => ({ name, type: "symlink", linkname });

const ATTACKS: readonly { readonly what: string; readonly entries: readonly Entry[] }[] = [
  { what: "a folder", entries: [folder("data"), folder("data/x"), file("data/x/keys")] },
  { what: "a folder that is only implied", entries: [file("data/x/keys"), file("data/x/new")] },
  {
    what: "a folder below one that is implied",
    entries: [folder("data/x/deeper"), file("data/x/deeper/new")],
  },
  { what: "a link", entries: [folder("data"), linkTo("data/x/keys", "/etc/passwd")] },
  { what: "a device", entries: [{ name: "data/x/keys", type: "character-device", uid: 4711, gid: 4711 }] },
  { what: "a hard link", entries: [{ name: "data/x/new", type: "link", linkname: "data/f" }] },
];

describe("what an archive has in the place of a link that an earlier one made", () => {
  beforeEach(() => unpackInto(archiveOf(folder("data"), linkTo("data/x", outside), file("data/f")), target));

  it.each(ATTACKS)("is not written through it: $what, from a build", async ({ entries }) => {
    await unpackInto(archiveOf(...entries), target);
    expectNothingTouched();
    expect(lstatSync(join(target, "data/x")).isDirectory()).toBe(true);
  });

  it.each(ATTACKS)("is refused: $what, from a container", async ({ entries }) => {
    const words = `Cannot overwrite non-directory "${join(target, "data/x")}" with directory "${target}"`;
    await expect(copy("/data", target, ...entries)).rejects.toThrow(words);
    expectNothingTouched();
    expect(lstatSync(join(target, "data/x")).isSymbolicLink()).toBe(true);
  });

  it("gets no name for a file behind it", async () => {
    const entries = [{ name: "data/y", type: "link", linkname: "data/x/keys" }] as const;
    await expect(unpackInto(archiveOf(...entries), target)).rejects.toThrow("ENOENT");
    expectNothingTouched();
  });

  it("takes its place when that is a file", async () => {
    await copy("/data", target, folder("data"), file("data/x"));
    expectNothingTouched();
    expect(readFileSync(join(target, "data/x"), "utf8")).toBe("the container's");
  });
});

it.each([
  { what: "first", entries: [folder("x"), linkTo("x", "../outside")] },
  { what: "then", entries: [linkTo("x", "../outside"), folder("x"), file("x/keys")] },
  { what: "above", entries: [folder("x"), folder("x/y"), linkTo("x", ".."), linkTo("z", "x/outside/keys")] },
])("a folder whose name the same archive gives to a link, $what, leads nowhere", async ({ entries }) => {
  await unpackInto(archiveOf(...entries), target);
  expectNothingTouched();
});

it.each([
  { there: "folder", comes: "file", entry: file("data/x") },
  { there: "file", comes: "folder", entry: folder("data/x") },
])("a $there gives way to a $comes of a build, not of a container", async ({ there, entry }) => {
  const place = join(target, "data/x");
  mkdirSync(there === "folder" ? place : join(target, "data"), { recursive: true });
  if (there === "file") writeFileSync(place, "");
  await expect(copy("/data", target, entry)).rejects.toThrow("Cannot overwrite");
  await unpackInto(archiveOf(entry), target);
  expect(lstatSync(place).isFile()).toBe(there === "folder");
});

describe("the folder that a copy is asked for", () => {
  it("may be a link to one", async () => {
    symlinkSync("target", join(dir, "link"));
    await copy("/data", `${join(dir, "link")}/`, folder("data"), file("data/f"));
    expect(readFileSync(join(target, "data/f"), "utf8")).toBe("the container's");
    await unpackInto(archiveOf(folder("."), file("g")), join(dir, "link"));
    expect(readFileSync(join(target, "g"), "utf8")).toBe("the container's");
  });

  it("keeps its mode when the content of another goes there", async () => {
    chmodSync(target, 0o700);
    await copy("/data/.", target, folder("."), file("./f"));
    expect(statSync(target).mode & 0o777).toBe(0o700);
    expect(readdirSync(target)).toEqual(["f"]);
  });

  it("is made for the content of another", async () => {
    await copy("/data/.", join(target, "new"), folder("."), file("./f"));
    expect(readdirSync(target)).toEqual(["new"]);
    expect(readdirSync(join(target, "new"))).toEqual(["f"]);
  });
});

it("files and folders have the archive's modes and times", async () => {
  await unpackInto(archiveOf(folder("a"), { ...file("a/f"), mode: 0o751 }), target);
  expect(statSync(join(target, "a")).mode & 0o777).toBe(0o777);
  expect(statSync(join(target, "a")).mtimeMs).toBe(0);
  expect(statSync(join(target, "a/f")).mode & 0o777).toBe(0o751);
  expect(statSync(join(target, "a/f")).mtimeMs).toBe(0);
});
