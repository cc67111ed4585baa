import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { EMPTY_FOLDER, LayerFilter } from "../../../../src/runtime/engine/rootfs/layer-filter.ts";
import { formatEntry, type TarEntry, TarReader } from "../../../../src/runtime/engine/rootfs/tar/index.ts";
import { formatPaxRecords } from "../../../../src/runtime/engine/rootfs/tar/pax.ts";
import { fc } from "../../../support/fast-check.ts";
import { folder, link, type TarItem, tarOf } from "../../../support/image-bench.ts";
import { type RawItem, rawTar } from "../../../support/raw-tar.ts";

const LIMITS = { maxEntries: 1000, maxBytes: 1 << 20 };

async function filtered(tar: Buffer, pieceBytes = 1 << 16) {
  const pieces: Buffer[] = [];
  for (let at = 0; at < tar.length; at += pieceBytes) pieces.push(tar.subarray(at, at + pieceBytes));
  const filter = new LayerFilter(LIMITS);
  const output = await buffer(Readable.from(pieces).pipe(filter));
  return { entries: entriesOf(output), content: filter.content };
}

/** Pipes do not carry errors; this does. */
async function refusal(items: readonly TarItem[] | Buffer, limits = LIMITS): Promise<string> {
  const filter = new LayerFilter(limits);
  const tar = Buffer.isBuffer(items) ? items : tarOf(items);
  const done = buffer(filter).then(
    () => "accepted",
    (error: Error) => error.message,
  );
  filter.end(tar);
  return done;
}

function entriesOf(tar: Buffer): readonly (TarEntry & { data: string })[] {
  const entries: (TarEntry & { data: string })[] = [];
  const reader = new TarReader({
    onEntry: (entry) => entries.push({ ...entry, data: "" }),
    onData: (chunk) => {
      const last = entries.at(-1);
      if (last !== undefined) last.data += chunk.toString("latin1");
    },
  });
  reader.write(tar);
  reader.end();
  return entries;
}

/** Ends what nobody holds any more. */
function garbageCollection(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

const names = async (items: readonly TarItem[]) =>
  (await filtered(tarOf(items))).entries.map((entry) => entry.name);

describe("a layer's filter", () => {
  it.each([
    ["a name that climbs out", [{ name: "../evil" }], "leads out"],
    ["a name that climbs out later", [{ name: "a/../../evil" }], "leads out"],
    ["the name ..", [{ name: ".." }], "leads out"],
    [
      "a hard link that climbs out",
      [{ name: "x", type: "hardlink", linkName: "../../etc/passwd" }],
      "leads out",
    ],
    ["a hard link to the root", [{ name: "x", type: "hardlink", linkName: "/" }], "hard link to a folder"],
    ["an empty link", [{ name: "x", type: "symlink", linkName: "" }], "empty or too long"],
    ["a whiteout of ..", [{ name: ".wh..." }], "invalid whiteout"],
    ["a whiteout of .", [{ name: "a/.wh.." }], "invalid whiteout"],
    ["a whiteout of nothing", [{ name: ".wh." }], "invalid whiteout"],
    ["a whiteout as a folder", [{ name: ".wh.a/b" }], "cannot be a folder"],
    ["the overlay's own device", [{ name: "x", type: "character-device" }], "overlay's own mark"],
    ["a long component", [{ name: "n".repeat(256) }], "file name too long"],
    ["a deep path", [{ name: "d/".repeat(3000) }], "file name too long"],
    [
      "malformed capabilities",
      [{ name: "x", xattrs: new Map([["security.capability", Buffer.from("x")]]) }],
      "capabilities",
    ],
    ["a loop of links", [link("a", "b/x"), link("b", "a/x"), { name: "a/f" }], "too many levels"],
  ] as const satisfies readonly (readonly [string, readonly TarItem[], string])[])(
    "refuses %s",
    async (_what, items, message) => {
      expect(await refusal(items)).toContain(message);
    },
  );

  it("refuses what is no tar, cut off or of an unknown kind", async () => {
    const good = tarOf([{ name: "f", data: "x".repeat(2000) }]);
    expect(await refusal(good.subarray(0, 1500))).toContain("middle of an entry");
    expect(await refusal(Buffer.alloc(600, "junk"))).toContain("Invalid tar archive");
    const unknown = Buffer.from(good);
    unknown[156] = "Z".charCodeAt(0);
    const sum = unknown
      .subarray(0, 512)
      .reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
    unknown.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    expect(await refusal(unknown)).toContain('entry type "Z" is unknown');
  });

  it("makes nothing of a header that speaks for the whole archive", async () => {
    const record = "19 path=/etc/passwd\n";
    const global = tarOf([{ name: "pax_global_header", data: record }]).subarray(0, 1024);
    const before = Number.parseInt(global.toString("latin1", 148, 154), 8);
    global[156] = "g".charCodeAt(0);
    global.write(`${(before - "0".charCodeAt(0) + "g".charCodeAt(0)).toString(8).padStart(6, "0")}\0 `, 148);
    const { entries } = await filtered(Buffer.concat([global, tarOf([{ name: "f", data: "x" }])]));
    expect(entries.map(({ name, data }) => [name, data])).toEqual([["./f", "x"]]);
  });

  it("stops at its limits", async () => {
    expect(await refusal(Array.from({ length: 1001 }, (_, index) => ({ name: `f${index}` })))).toContain(
      "more than 1000 entries",
    );
    expect(await refusal([{ name: "f", data: Buffer.alloc((1 << 20) + 1) }])).toContain("no space");
  });

  it.each<readonly [string, readonly RawItem[], string]>([
    [
      "a header of less than no length before a file",
      [
        { flag: "L", bytes: -1 },
        { flag: "0", data: Buffer.alloc(1 << 19) },
      ],
      "a header of -1 bytes cannot be",
    ],
    [
      "a sparse file's map without an end",
      [
        {
          flag: "S",
          bytes: 0,
          data: Buffer.alloc(2049 * 512, 1),
          change: (header) => header.writeUInt8(1, 482),
        },
      ],
      "the map of a sparse file is too long",
    ],
  ])("does not read on for ever: %s", async (_what, items, message) => {
    expect(await refusal(rawTar(items))).toContain(message);
  });

  it("does not hold the headers of folders whose attributes it keeps", async () => {
    const collect = garbageCollection();
    const junk = formatPaxRecords([
      ["SCHILY.xattr.user.a", Buffer.from("kept")],
      ["comment", Buffer.alloc(1_000_000, "x")],
    ]);
    const filter = new LayerFilter(LIMITS);
    filter.resume();
    collect();
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 100; count++) {
      const tar = rawTar([
        { flag: "x", data: junk },
        { flag: "5", name: `d${count}` },
      ]);
      await new Promise((resolve) => filter.write(tar.subarray(0, -1024), resolve));
    }
    // What is free goes a little later.
    const held = () => {
      collect();
      return process.memoryUsage().arrayBuffers - before;
    };
    await expect.poll(held, { timeout: 5000 }).toBeLessThan(20 << 20);
  });

  it("keeps so much of names, links and attributes, and no more", async () => {
    const attributes = Array.from(
      { length: 16 },
      (_, index) => [`user.${index}`, Buffer.alloc(60_000, "x")] as const,
    );
    const one = tarOf([folder("d", { xattrs: new Map(attributes) })]).subarray(0, -1024);
    expect(await refusal(Buffer.concat(Array.from({ length: 150 }, () => one)))).toContain("too much memory");
    const links = Array.from({ length: 1000 }, (_, index) => link(`l${index}`, "t/".repeat(2000)));
    expect(await refusal(links)).toBe("accepted");
  });

  it("counts folders that are only passed through", async () => {
    const deep = (name: string) => ({ name: `${name}/${"a/".repeat(2000)}f` });
    expect(await refusal([deep("x")])).toContain("more than 1000 entries");
    const many = { ...LIMITS, maxEntries: 2_000_000 };
    const names = Array.from({ length: 20 }, (_, index) => `${index}`);
    expect(await refusal(names.map(deep), many)).toContain("too many folders have no entry");
    const modules = Array.from({ length: 1000 }, (_, index) => ({
      name: `srv/${`node_modules/package-${index}/`.repeat(20)}f`,
    }));
    expect(await refusal(modules, many)).toBe("accepted");
    const plain = Array.from({ length: 20_000 }, (_, index) => ({
      name: `usr/share/package-${index}/doc/f`,
    }));
    expect(await refusal(plain, many)).toBe("accepted");
  });

  it("keeps names inside, however they are written", async () => {
    expect(
      await names([{ name: "/abs" }, { name: "./dot" }, { name: "a//b" }, folder("."), { name: "c/../d" }]),
    ).toEqual(["./abs", "./dot", "./a/b", "./", "./d"]);
  });

  it("resolves links among the parents as if the layer were the root", async () => {
    const items = [link("abs", "/t/u"), link("up", "../../t"), { name: "abs/x" }, { name: "up/y" }];
    expect(await names(items)).toEqual(["./abs", "./up", "./t/u/x", "./t/y"]);
    const replaced = [link("d", "/t"), folder("d"), { name: "d/x" }];
    expect(await names(replaced)).toEqual(["./d", "./d/", "./d/x"]);
    const viaHardlink = [
      link("s", "/t"),
      { name: "h", type: "hardlink" as const, linkName: "s" },
      { name: "h/x" },
    ];
    expect((await names(viaHardlink)).at(-1)).toBe("./t/x");
  });

  it("walks through links in a time that grows with the archive alone", async () => {
    const many = { ...LIMITS, maxEntries: 2_000_000 };
    const deep = Array.from({ length: 300 }, (_, index) => ({ name: `${"a/".repeat(2000)}f${index}` }));
    const started = performance.now();
    expect(await refusal([link("x", "y"), ...deep], many)).toBe("accepted");
    expect(performance.now() - started).toBeLessThan(3000);
    const detour = `/${"a/".repeat(800)}${"../".repeat(800)}`;
    const chain = Array.from({ length: 40 }, (_, index) => link(`l${index}`, `${detour}l${index + 1}`));
    const names = Array.from({ length: 2000 }, (_, index) => ({ name: `l1/f${index}` }));
    expect(await refusal([...chain, ...names], many)).toContain("lead through too many links");
  });

  it("takes out whiteouts and says which there were", async () => {
    const { entries, content } = await filtered(
      tarOf([
        folder("a", { mode: 0o711 }),
        { name: "a/.wh.gone", data: "ignored" },
        { name: "a/.wh..wh..opq" },
        { name: "b/c/f" },
        { name: ".wh..wh.plnk/1.2", data: "aufs" },
      ]),
    );
    expect(content.whiteouts).toEqual(["a/gone"]);
    expect(content.opaqueFolders).toEqual(["a"]);
    expect(content.impliedFolders).toEqual(["", "b/c", "b"]);
    expect(entries.map((entry) => entry.name)).toEqual(["./a/", "./b/c/f", "./a/"]);
    expect(entries.at(-1)).toMatchObject({ mode: 0o711 });
    expect(entries.at(-1)?.xattrs.get("trusted.overlay.opaque")?.toString()).toBe("y");
  });

  it("says nothing of what a folder held in whose place something else has come", async () => {
    const { content } = await filtered(
      tarOf([
        { name: "a/b/.wh.gone" },
        { name: "a/c/.wh..wh..opq" },
        { name: "ab/.wh.kept" },
        { name: "a", type: "symlink", linkName: "/" },
      ]),
    );
    expect(content).toMatchObject({ whiteouts: ["ab/kept"], opaqueFolders: [], impliedFolders: ["", "ab"] });
  });

  it("looks for what replaced folders held so often, and no more", async () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `d${index}`);
    const replaced = [...names.map((name) => folder(name)), ...names.map((name) => ({ name }))];
    const many = { ...LIMITS, maxEntries: 2_000_000 };
    expect(await refusal(replaced, many)).toContain("too many of its folders are replaced");
    expect(await refusal(replaced.slice(0, 22_000), many)).toBe("accepted");
  });

  it("drops attributes that would steer the overlay, and keeps those of the image", async () => {
    const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");
    const xattrs = new Map([
      ["trusted.overlay.redirect", Buffer.from("/etc")],
      ["trusted.overlay.opaque", Buffer.from("y")],
      ["user.overlay.opaque", Buffer.from("y")],
      ["security.selinux", Buffer.from("x")],
      ["security.capability", capability],
      ["user.note", Buffer.from([0, 1, 255])],
    ]);
    const { entries } = await filtered(tarOf([{ name: "f", xattrs }]));
    expect([...(entries[0]?.xattrs ?? [])]).toEqual([
      ["security.capability", capability],
      ["user.note", Buffer.from([0, 1, 255])],
    ]);
  });

  it("brings owners and times into range, and keeps the bits of the mode", async () => {
    const { entries } = await filtered(
      tarOf([
        { name: "a", uid: -1, gid: 2 ** 31 - 2, mode: 0o6755, mtime: { seconds: -5, nanoseconds: 0 } },
        { name: "b", mtime: { seconds: 2 ** 40, nanoseconds: 0 } },
        { name: "c", mtime: { seconds: 1, nanoseconds: 123_456_789 } },
      ]),
    );
    expect(entries[0]).toMatchObject({ uid: 0, gid: 2 ** 31 - 2, mode: 0o6755, mtime: { seconds: 0 } });
    expect(entries[1]?.mtime.seconds).toBe(2 ** 33);
    expect(entries[2]?.mtime).toEqual({ seconds: 1, nanoseconds: 123_456_789 });
  });

  it("reads names of any length and bytes", async () => {
    const long = `${"d".repeat(90)}/${"é".repeat(60)}`;
    const bytes = Buffer.from(long).toString("latin1");
    const target = "t".repeat(300);
    const { entries } = await filtered(tarOf([{ name: bytes, data: "x" }, link("l", target)]), 7);
    expect(entries.map((entry) => [entry.name, entry.linkName])).toEqual([
      [`./${bytes}`, ""],
      ["./l", target],
    ]);
  });

  it("gives the same whatever pieces the stream comes in", async () => {
    const tar = tarOf([
      folder("a"),
      { name: "a/f", data: "x".repeat(700) },
      link("a/l", "f"),
      { name: "a/.wh.g" },
    ]);
    const whole = await filtered(tar);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1500 }), async (pieceBytes) => {
        expect(await filtered(tar, pieceBytes)).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });

  it("never fails otherwise than by refusing, whatever bytes come", async () => {
    const good = tarOf([folder("a"), { name: "a/f", data: "x".repeat(100) }, link("l", "a")]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 }),
        async (changes) => {
          const spoilt = Buffer.from(good);
          for (const [at, byte] of changes) spoilt[at] = byte;
          expect(await refusal(spoilt)).toMatch(
            /^(accepted|Invalid (tar archive|layer entry)|Cannot unpack layer)/,
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("tar headers", () => {
  it("say the same when they are read again", () => {
    fc.assert(
      fc.property(
        fc.record({
          name: fc.stringMatching(/^[a-z/.]{1,300}$/),
          mode: fc.nat(0o7777),
          uid: fc.nat(2 ** 32 - 2),
          gid: fc.nat(2 ** 32 - 2),
          seconds: fc.nat(2 ** 31),
          nanoseconds: fc.nat(999_999_999),
        }),
        ({ seconds, nanoseconds, ...fields }) => {
          const entry: TarEntry = {
            ...EMPTY_FOLDER,
            ...fields,
            name: `x${fields.name}x`,
            type: "fifo",
            mtime: { seconds, nanoseconds },
          };
          expect(entriesOf(Buffer.concat([formatEntry(entry), Buffer.alloc(1024)]))).toEqual([
            { ...entry, data: "" },
          ]);
        },
      ),
    );
  });
});
