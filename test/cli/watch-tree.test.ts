import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { watchFilter } from "../../src/cli/watch/path-filter.ts";
import { WatchTree } from "../../src/cli/watch/watch-tree.ts";
import { until } from "../support/until.ts";

let dir: string;
let root: string;
let trees: WatchTree[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "stowage-watch-"));
  root = join(dir, "src");
  mkdirSync(root);
  trees = [];
});

afterEach(() => {
  for (const tree of trees) tree.close();
  rmSync(dir, { recursive: true });
});

const write = (path: string, text = "x") => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};

/** As editors, `sed -i` and `git checkout` save. */
const replace = (path: string) => {
  write(`${path}.new`);
  renameSync(join(root, `${path}.new`), join(root, path));
};

const remake = (path: string) => {
  rmSync(path, { recursive: true });
  mkdirSync(path);
};

/** What is told of an action: all before a mark that is made after it. */
async function watching(path = root, mark = "mark", isLeftOut?: (folder: string) => boolean) {
  const told = new Set<string>();
  const errors: unknown[] = [];
  const tree = await WatchTree.open(path, {
    onChange: (file) => told.add(relative(root, file)),
    onError: (error) => errors.push(error),
    ...(isLeftOut !== undefined && { isLeftOut }),
  });
  trees.push(tree);
  return async (action: () => void) => {
    told.clear();
    action();
    replace(mark);
    await until(() => told.has(mark), "the mark");
    expect(errors).toEqual([]);
    return [...told].filter((name) => !name.startsWith(mark)).sort();
  };
}

describe("WatchTree", () => {
  it("tells each time a file is replaced by another, and a write in place after that", async () => {
    write("page");
    write("deep/er/page");
    const toldOf = await watching();
    for (let time = 1; time <= 4; time++) {
      expect(await toldOf(() => replace("page"))).toContain("page");
      expect(await toldOf(() => replace("deep/er/page"))).toContain("deep/er/page");
    }
    expect(await toldOf(() => appendFileSync(join(root, "page"), "y"))).toEqual(["page"]);
    expect(await toldOf(() => appendFileSync(join(root, "deep/er/page"), "y"))).toEqual(["deep/er/page"]);
    expect(await toldOf(() => rmSync(join(root, "page")))).toEqual(["page"]);
  });

  it("tells the files of a new folder, those that were there before it came, too", async () => {
    const toldOf = await watching();
    expect(
      await toldOf(() => {
        write("a/1");
        write("a/b/c/2");
      }),
    ).toEqual(["a/1", "a/b/c/2"]);
    expect(await toldOf(() => replace("a/b/c/2"))).toContain("a/b/c/2");
    mkdirSync(join(dir, "made/in"), { recursive: true });
    writeFileSync(join(dir, "made/in/3"), "x");
    expect(await toldOf(() => renameSync(join(dir, "made"), join(root, "a/made")))).toEqual(["a/made/in/3"]);
    expect(await toldOf(() => replace("a/made/in/3"))).toContain("a/made/in/3");
    expect(await toldOf(() => mkdirSync(join(root, "empty")))).toEqual([]);
  });

  it("goes on with a folder that was removed or moved away and made again", async () => {
    write("a/b/1");
    const toldOf = await watching();
    for (let time = 1; time <= 3; time++) {
      expect(await toldOf(() => rmSync(join(root, "a"), { recursive: true }))).toContain("a");
      expect(await toldOf(() => write("a/b/1"))).toEqual(["a/b/1"]);
      const remade = await toldOf(() => {
        rmSync(join(root, "a"), { recursive: true });
        write("a/b/1");
      });
      expect(remade).toContain("a/b/1");
      expect(await toldOf(() => renameSync(join(root, "a"), join(dir, `away-${time}`)))).toEqual(["a"]);
      expect(await toldOf(() => appendFileSync(join(dir, `away-${time}/b/1`), "y"))).toEqual([]);
      expect(await toldOf(() => write("a/b/1"))).toEqual(["a/b/1"]);
      expect(await toldOf(() => appendFileSync(join(root, "a/b/1"), "y"))).toEqual(["a/b/1"]);
    }
  });

  it("goes on when the path itself is removed, replaced or, as a link, leads elsewhere", async () => {
    write("1");
    const toldOf = await watching();
    expect(await toldOf(() => remake(root))).toEqual(["1"]);
    expect(await toldOf(() => write("1"))).toEqual(["1"]);
    const moved = await toldOf(() => {
      renameSync(root, join(dir, "first"));
      mkdirSync(join(dir, "second"));
      symlinkSync("second", root);
    });
    expect(moved).toEqual([]);
    expect(await toldOf(() => write("2"))).toEqual(["2"]);
    expect(readFileSync(join(dir, "second/2"), "utf8")).toBe("x");
  });

  it("tells nothing of a folder whose own times or mode change", async () => {
    write("a/1");
    const toldOf = await watching();
    expect(await toldOf(() => utimesSync(join(root, "a"), 1, 1))).toEqual([]);
    await toldOf(() => write("b/1"));
    expect(await toldOf(() => rmSync(join(root, "b"), { recursive: true }))).toEqual(["b", "b/1"]);
    await toldOf(() => write("a/a"));
    expect(await toldOf(() => rmSync(join(root, "a/a")))).toEqual(["a/a"]);
  });

  it("watches a file by its name", async () => {
    write("page");
    const toldOf = await watching(join(root, "page"), "page");
    for (let time = 1; time <= 3; time++) expect(await toldOf(() => write("other"))).toEqual([]);
  });

  it("misses nothing while many folders come and go", async () => {
    const toldOf = await watching();
    const files = Array.from({ length: 1000 }, (_, at) => `${at % 20}/${at % 200}/${at}/file`);
    expect(await toldOf(() => files.forEach((file) => void write(file)))).toEqual([...files].sort());
    const gone = await toldOf(() => remake(root));
    expect(gone.filter((name) => name.endsWith("file"))).toEqual([...files].sort());
    expect(await toldOf(() => write("1/2/3"))).toEqual(["1/2/3"]);
  });

  it("does not watch folders that are ignored with all in them", async () => {
    write("modules/lib/1");
    write("build/kept/1");
    const { isLeftOut } = watchFilter(
      { path: root, action: "sync", ignore: ["modules", "build", "!build/kept/*"] },
      undefined,
    );
    const toldOf = await watching(root, "mark", isLeftOut);
    const told = await toldOf(() => {
      for (const path of ["modules/lib/1", "build/kept/1", "modules/new/1", "build/kept/new/1"]) write(path);
    });
    expect(told).toEqual(["build/kept/1", "build/kept/new/1"]);
  });

  it("refuses what is not there", async () => {
    await expect(WatchTree.open(join(root, "none"), { onChange() {}, onError() {} })).rejects.toThrow(
      "ENOENT",
    );
  });
});

describe("folders that watchFilter leaves out", () => {
  it.each([
    [["node_modules"], "node_modules", true],
    [["node_modules"], "a/node_modules", false],
    [["**/node_modules"], "a/node_modules", true],
    [["*", "!src"], "docs", true],
    [["*", "!src"], "src", false],
    [["*", "!src"], "src/deep", false],
    [["*", "!/src/Deep/*.md"], "src", false],
    [["*", "!/src/Deep/*.md"], "src/deep", false],
    [["*", "!/src/Deep/*.md"], "src/other", true],
    [["*", "!**/*.md"], "docs", false],
    [["build/*"], "build", false],
    [[], ".git", true],
    [["!.git/HEAD"], ".git", false],
  ])("%j: %s", (ignore, folder, isLeftOut) => {
    const rule = { path: root, action: "sync" as const, ignore };
    expect(watchFilter(rule, undefined).isLeftOut(join(root, folder))).toBe(isLeftOut);
  });

  it("minds the build's ignore file", () => {
    write(".dockerignore", "# none\nsrc/vendor\n*.d\n!keep.d/x\n");
    const { isLeftOut, isWanted } = watchFilter({ path: join(root, "src"), action: "sync" }, root);
    expect(isLeftOut(join(root, "src/vendor"))).toBe(true);
    expect(isWanted(join(root, "src/vendor/1"))).toBe(false);
    expect(isLeftOut(join(root, "src/other"))).toBe(false);
    const all = watchFilter({ path: root, action: "rebuild" }, root);
    expect(["a.d", "keep.d"].map((name) => all.isLeftOut(join(root, name)))).toEqual([true, false]);
  });
});
