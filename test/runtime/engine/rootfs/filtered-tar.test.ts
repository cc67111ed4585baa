import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, describe, expect, it } from "vitest";
import { LayerFilter } from "../../../../src/runtime/engine/rootfs/layer-filter.ts";
import { TAR_BLOCK } from "../../../../src/runtime/engine/rootfs/tar/index.ts";
import { formatPaxRecords } from "../../../../src/runtime/engine/rootfs/tar/pax.ts";
import { putNumber } from "../../../../src/runtime/engine/rootfs/tar/tar-fields.ts";
import { fc } from "../../../support/fast-check.ts";
import { type RawItem, rawTar } from "../../../support/raw-tar.ts";

const dir = mkdtempSync(join(tmpdir(), "stowage-filtered-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Filtered {
  readonly output: Buffer;
  readonly entries: number;
}

async function filtered(tar: Buffer): Promise<Filtered> {
  const filter = new LayerFilter({ maxEntries: 1000, maxBytes: 1 << 24 });
  filter.end(tar);
  const output = await buffer(filter);
  return { output, entries: filter.content.entries };
}

/** What GNU tar sees: a line an entry, the first letter of each says what it is. */
function listed(output: Buffer): readonly string[] {
  const { stdout, stderr, status } = spawnSync("tar", ["-tvf", "-"], { input: output, encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const lines = stdout.split("\n").filter((line) => line !== "");
  // So begins every name that the filter writes.
  expect(lines.filter((line) => !line.includes(" ./"))).toEqual([]);
  return lines;
}

/** What must not come true: a device, where only data was said to be. */
const HIDDEN = rawTar([{ flag: "3", name: "hidden" }]);
const HIDDEN_HEADER = HIDDEN.subarray(0, TAR_BLOCK);

/** One that begins with a NUL byte. */
const NAMELESS = rawTar([
  { flag: "3", name: "", change: (header) => header.write("hidden", 345, "latin1") },
]).subarray(0, TAR_BLOCK);

interface Span {
  readonly offset: number;
  readonly length: number;
}

function putSpans(block: Buffer, start: number, spans: readonly Span[]): void {
  for (const [index, { offset, length }] of spans.entries()) {
    putNumber(block, start + index * 24, 12, offset);
    putNumber(block, start + index * 24 + 12, 12, length);
  }
}

function paxOf(records: Readonly<Record<string, string | number>>): RawItem {
  const pairs = Object.entries(records).map(([key, value]) => [key, Buffer.from(String(value))] as const);
  return { flag: "x", data: formatPaxRecords(pairs) };
}

function gnuSparse(
  spans: readonly Span[],
  item: Partial<RawItem> & { readonly fileBytes?: number },
): RawItem {
  const { fileBytes = 1 << 20, change, ...rest } = item;
  return {
    flag: "S",
    ...rest,
    change: (header) => {
      putNumber(header, 483, 12, fileBytes);
      putSpans(header, 386, spans);
      change?.(header);
    },
  };
}

describe("GNU tar sees of a filtered layer", () => {
  const size = HIDDEN.length;
  const three = [0, 1000, 2000].map((offset) => ({ offset, length: 100 }));
  const twoBlocks = Buffer.concat([Buffer.alloc(TAR_BLOCK), HIDDEN_HEADER]);

  it.each<readonly [string, readonly RawItem[], string]>([
    [
      "the data of a sparse file whose own header says that there are none",
      [paxOf({ size }), gnuSparse([{ offset: 0, length: size }], { bytes: 0, data: HIDDEN })],
      "-",
    ],
    [
      "a sparse file whose name continues in front of the map",
      [
        { flag: "2", name: "l", change: (header) => header.write("/tmp", 157, "latin1") },
        gnuSparse([], {
          change: (header) => {
            header.write("ustar\x0000", 257, "latin1");
            header.write("l", 345, "latin1");
          },
        }),
      ],
      "l-",
    ],
    [
      "parts that it takes more blocks for than there are",
      [
        gnuSparse(three, { bytes: 300, data: Buffer.alloc(300) }),
        { flag: "0", name: "eaten", data: twoBlocks },
      ],
      "no number of whole blocks",
    ],
    [
      "the same in PAX's form",
      [
        paxOf({ "GNU.sparse.map": "0,100,1000,100,2000,100", "GNU.sparse.size": 1 << 20 }),
        { flag: "0", data: Buffer.alloc(300) },
        { flag: "0", name: "eaten", data: twoBlocks },
      ],
      "no number of whole blocks",
    ],
    [
      "further blocks of a map that ends before them",
      [gnuSparse([], { change: (header) => header.writeUInt8(1, 482), bytes: 0, data: NAMELESS })],
      "-",
    ],
    [
      "a map of an unknown form",
      [paxOf({ "GNU.sparse.major": 2, "GNU.sparse.map": `0,${size}` }), { flag: "0", data: HIDDEN }],
      "are unknown",
    ],
    [
      "a device whose number is 0:0 once it is cut to what fits",
      [{ flag: "3", name: "dev", change: (header) => header.write("\x90", 329, "latin1") }],
      "no device has such numbers",
    ],
  ])("what was counted, or nothing: %s", async (_what, items, outcome) => {
    const result = await filtered(rawTar(items)).catch((error: Error) => error.message);
    if (typeof result === "string") return expect(result).toContain(outcome);
    const lines = listed(result.output);
    expect(lines.map((line) => line[0]).join("")).toBe(outcome);
    expect(result.entries).toBe(lines.length);
  });

  it("as many entries as were counted, none that was data, whatever sparse files come", async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(PLAIN, SPARSE), { minLength: 1, maxLength: 4 }), async (groups) => {
        const result = await filtered(rawTar(groups.flat())).catch(() => undefined);
        if (result === undefined) return;
        accepted += 1;
        const lines = listed(result.output);
        expect(lines.filter((line) => !line.startsWith("-"))).toEqual([]);
        expect(lines).toHaveLength(result.entries);
      }),
      { numRuns: 300 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  const POSIX = "--format=posix";
  it.each([
    ["--format=gnu", "--sparse"],
    [POSIX, "--sparse-version=0.0"],
    [POSIX, "--sparse-version=0.1"],
    [POSIX, "--sparse-version=1.0"],
  ])("sparse files as they were: %s %s", async (...form) => {
    const from = mkdtempSync(join(dir, "from-"));
    const names = ["many", "hole", "tail", "n".repeat(120)];
    for (const name of names) {
      writeFileSync(join(from, name), "");
      truncateSync(join(from, name), (8 << 20) + 7);
    }
    const put = (name: string, at: number) =>
      execFileSync("dd", [`of=${join(from, name)}`, "bs=1", `seek=${at}`, "conv=notrunc", "status=none"], {
        input: `at ${at}`,
      });
    for (let count = 1; count < 40; count++) put("many", count * (200 << 10) + 1);
    put("tail", 8 << 20);
    put(names[3] ?? "", 0);
    const tar = execFileSync("tar", ["-C", from, "-cS", ...form, ...names], { maxBuffer: 1 << 26 });
    const to = join(from, "unpacked");
    mkdirSync(to);
    execFileSync("tar", ["-C", to, "-xf", "-"], { input: (await filtered(tar)).output });
    for (const name of names) {
      execFileSync("cmp", [join(from, name), join(to, name)]);
      expect(statSync(join(to, name)).blocks).toBeLessThan(1000);
    }
  });
});

const LENGTH = fc.constantFrom<number[]>(0, 100, 512, 1024);
const PLAIN = fc
  .record({ flag: fc.constantFrom("0", "7"), count: fc.nat(3) })
  .map(({ flag, count }) => [
    { flag, data: Buffer.concat(Array.from({ length: count }, () => HIDDEN_HEADER)) },
  ]);

/** In each form, where the header, the records and the map may or may not say the same. */
const SPARSE = fc
  .record({
    form: fc.constantFrom("S", "0.1", "1.0", "S and 0.1"),
    lengths: fc.array(LENGTH, { maxLength: 6 }),
    surplus: fc.constantFrom(0, 0, 0, 100, 512),
    paxSize: fc.boolean(),
    headerBytes: fc.option(fc.constantFrom(0, 512), { nil: undefined }),
    blocks: fc.constantFrom(0, 0, 1, 3),
  })
  .map(({ form, lengths, surplus, paxSize, headerBytes, blocks }): readonly RawItem[] => {
    const spans = lengths.map((length, index) => ({ offset: index * 2048, length }));
    const sum = lengths.reduce((total, length) => total + length, 0);
    const numbers = spans.flatMap(({ offset, length }) => [offset, length]);
    const text = form === "1.0" ? `${[spans.length, ...numbers].join("\n")}\n` : "";
    const map = Buffer.from(text.padEnd(Math.ceil(text.length / TAR_BLOCK) * TAR_BLOCK, "\0"));
    const stored = Buffer.alloc(Math.ceil((sum + surplus) / TAR_BLOCK) * TAR_BLOCK);
    for (let at = 0; at < stored.length; at += TAR_BLOCK) HIDDEN_HEADER.copy(stored, at);
    const bytes = map.length + sum + surplus;
    const records = {
      ...(paxSize ? { size: bytes } : {}),
      ...(form === "1.0" ? { "GNU.sparse.major": 1, "GNU.sparse.realsize": 1 << 20 } : {}),
      ...(form.endsWith("0.1") ? { "GNU.sparse.map": numbers.join(","), "GNU.sparse.size": 1 << 20 } : {}),
    };
    const pax = Object.keys(records).length === 0 ? [] : [paxOf(records)];
    const said = paxSize ? (headerBytes ?? bytes) : bytes;
    if (!form.startsWith("S"))
      return [...pax, { flag: "0", bytes: said, data: Buffer.concat([map, stored]) }];
    const extension = Array.from({ length: blocks }, (_, index) => {
      const block = Buffer.alloc(TAR_BLOCK);
      putSpans(block, 0, index === 0 ? spans.slice(4) : []);
      if (index < blocks - 1) block[504] = 1;
      return block;
    });
    const item = gnuSparse(spans.slice(0, 4), {
      bytes: said,
      data: Buffer.concat([...extension, stored]),
      change: (header) => header.writeUInt8(blocks > 0 ? 1 : 0, 482),
    });
    return [...pax, item];
  });
