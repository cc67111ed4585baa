import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FolderSource } from "../../src/runtime/index.ts";
import { type BuildBench, openBuildBench } from "../support/build-bench.ts";
import { folder, link, stream, type TarItem, tarOf } from "../support/image-bench.ts";

const DOCKERFILE = "FROM busybox\nCOPY . /c\n";

/** A client's folder: each item's version is the fingerprint. What it is asked for is noted. */
function clientFolder(items: readonly (TarItem & { readonly version?: string })[], key = "k") {
  const all = [{ name: "Dockerfile", data: DOCKERFILE, version: "1" }, ...items];
  const asked: string[] = [];
  const source: FolderSource & { readonly asked: readonly string[] } = {
    key,
    asked,
    list: async () =>
      all.map(({ name, type, data = "", version }) => ({
        path: name.replace(/\/$/, ""),
        isFolder: type === "directory",
        sizeBytes: data.length,
        ...(version === undefined ? {} : { fingerprint: version }),
      })),
    fetch: (entries) => {
      const wanted = new Set(entries.map(({ path }) => path));
      const chosen = all.filter(({ name }) => wanted.has(name.replace(/\/$/, "")));
      asked.push(...chosen.map(({ name }) => name));
      return stream(tarOf(chosen.map(({ version: _version, ...item }) => item)));
    },
    close: () => undefined,
  };
  return source;
}

describe("a client's folder that was built before", () => {
  let bench: BuildBench;
  const build = (source: FolderSource) => bench.build("", [], { context: source, tags: ["kept:1"] });
  const files = () =>
    bench.output(
      "kept:1",
      "sh",
      "-c",
      "cd /c; for f in $(find . -type f | sort); do echo $f $(cat $f); done",
    );

  beforeAll(async () => {
    bench = await openBuildBench("build-kept");
  });
  afterAll(() => bench.close());

  it("is asked for what has changed, and the image has what it holds now", async () => {
    const first = clientFolder([
      { name: "a", data: "1", version: "1" },
      { ...folder("d"), version: "1" },
      { name: "d/b", data: "2", version: "1" },
    ]);
    const { id } = await build(first);
    expect(first.asked).toEqual(["Dockerfile", "a", "d/", "d/b"]);
    const same = clientFolder([
      { name: "a", data: "1", version: "1" },
      { ...folder("d"), version: "1" },
      { name: "d/b", data: "2", version: "1" },
    ]);
    const again = await build(same);
    expect([again.id, same.asked]).toEqual([id, []]);
    const changed = clientFolder([
      { ...folder("a"), version: "2" },
      { name: "a/n", data: "new", version: "2" },
      { ...folder("d"), version: "1" },
      { name: "d/b", data: "changed", version: "2" },
    ]);
    await build(changed);
    expect(changed.asked).toEqual(["a/", "a/n", "d/", "d/b"]);
    expect(await files()).toBe("./Dockerfile FROM busybox COPY . /c\n./a/n new\n./d/b changed\n");
  });

  it("is asked for all of it by a second build at the same time, and after a prune", async () => {
    const item = { name: "a", data: "1", version: "1" };
    await build(clientFolder([item], "both"));
    const [one, two] = [clientFolder([item], "both"), clientFolder([item], "both")];
    await Promise.all([build(one), build(two)]);
    expect([one.asked.length, two.asked.length].sort()).toEqual([0, 2]);
    const later = [clientFolder([item], "both"), clientFolder([item], "both")];
    await Promise.all(later.map(build));
    expect(later.flatMap(({ asked }) => asked)).toEqual([]);
    expect((await bench.runtime.diskUsage()).buildCache.map(({ description }) => description)).toContain(
      "local source for context",
    );
    await bench.runtime.pruneBuildCache();
    const fresh = clientFolder([item], "both");
    await build(fresh);
    expect(fresh.asked).toEqual(["Dockerfile", "a"]);
  });

  it("cannot lead out of itself by what it was before", async () => {
    await build(clientFolder([{ ...link("a", "/etc"), version: "1" }], "links"));
    const through = clientFolder(
      [
        { ...link("a", "/etc"), version: "1" },
        { name: "a/x", data: "x" },
      ],
      "links",
    );
    await expect(build(through)).rejects.toThrow('names "a/x", which cannot be in it');
    const replaced = clientFolder(
      [
        { ...folder("a"), version: "2" },
        { name: "a/passwd", data: "mine", version: "2" },
      ],
      "links",
    );
    await build(replaced);
    expect(await files()).toContain("./a/passwd mine\n");
  });
});
