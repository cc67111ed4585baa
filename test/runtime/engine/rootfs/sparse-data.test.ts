import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { SparseData, type TarEntry, TarReader } from "../../../../src/runtime/engine/rootfs/index.ts";
import { formatPaxRecords } from "../../../../src/runtime/engine/rootfs/tar/pax.ts";
import { rawTar } from "../../../support/raw-tar.ts";

const dir = mkdtempSync(join(tmpdir(), "stowage-sparse-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const MIB = 1 << 20;
const STEP = 1 << 16;
/** More spans than GNU's old header and one extension hold, holes at both ends and a file that is one hole. */
const FILES: Readonly<Record<string, { readonly bytes: number; readonly parts: readonly number[] }>> = {
  many: { bytes: 40 * STEP, parts: Array.from({ length: 30 }, (_, index) => (index + 1) * STEP + 1) },
  hole: { bytes: 5 * STEP, parts: [] },
  tail: { bytes: STEP + 7, parts: [STEP] },
};

for (const [name, { bytes, parts }] of Object.entries(FILES)) {
  writeFileSync(join(dir, name), "");
  truncateSync(join(dir, name), bytes);
  for (const at of parts)
    execFileSync("dd", [`of=${join(dir, name)}`, "bs=1", `seek=${at}`, "conv=notrunc", "status=none"], {
      input: `at ${at}`.slice(0, bytes - at),
    });
}

/** The file of each sparse entry, put together; the archive comes in pieces of so many bytes. */
function unpack(tar: Buffer, pieceBytes: number): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  let present: { readonly file: Buffer; readonly data: SparseData } | undefined;
  const reader = new TarReader({
    onEntry: (entry: TarEntry) => {
      present = { file: Buffer.alloc(entry.fileBytes), data: new SparseData(entry.sparse ?? []) };
      files.set(entry.name, present.file);
    },
    onData: (chunk) => {
      for (const { data, position } of present?.data.place(chunk) ?? []) present?.file.set(data, position);
    },
  });
  for (let at = 0; at < tar.length; at += pieceBytes) reader.write(tar.subarray(at, at + pieceBytes));
  reader.end();
  return files;
}

function archive(format: readonly string[], names = Object.keys(FILES)): Buffer {
  return execFileSync("tar", ["-C", dir, "-cS", ...format, ...names], { maxBuffer: 64 * MIB });
}

const POSIX = "--format=posix";
const FORMS = [
  ["--format=gnu"],
  [POSIX, "--sparse-version=0.0"],
  [POSIX, "--sparse-version=0.1"],
  [POSIX, "--sparse-version=1.0"],
];

describe("the data of a sparse file", () => {
  it.each(FORMS)("lies where the archive says: %s %s", (...form) => {
    const tar = archive(form.filter((word) => word !== undefined));
    expect(tar.length).toBeLessThan(MIB);
    for (const pieceBytes of [tar.length, 1000, 37]) {
      const files = unpack(tar, pieceBytes);
      for (const name of Object.keys(FILES))
        expect(files.get(name)?.equals(readFileSync(join(dir, name)))).toBe(true);
    }
  });

  /** A file of 100 bytes whose records say of the stored data where it belongs. */
  const sparse = (records: Readonly<Record<string, string>>, stored: string): Buffer => {
    const pax = Object.entries({ size: "100", ...records }).map(
      ([key, text]) => [`GNU.sparse.${key}`, Buffer.from(text)] as const,
    );
    return rawTar([
      { flag: "x", data: formatPaxRecords(pax) },
      { flag: "0", data: Buffer.from(stored) },
    ]);
  };

  it.each([
    ["leads out of the file", "90,20", 20],
    ["leads back", "50,10,40,5", 15],
    ["overlaps", "50,10,55,10", 20],
    ["has no length", "50", 10],
    ["is no list of numbers", "50,-1", 10],
    ["says more than there is", "0,20", 10],
    ["says less than there is", "0,10", 20],
  ])("is refused when the map %s", (_, map, storedBytes) => {
    expect(() => unpack(sparse({ map }, "x".repeat(storedBytes)), 512)).toThrow(
      /Invalid tar archive: the map/,
    );
  });

  it("is refused when the map before it does not end, or is of an unknown form", () => {
    const lines = "99999999999\n".padEnd(2 * MIB, "1\n");
    expect(() => unpack(sparse({ major: "1" }, lines), 1 << 16)).toThrow("map of a sparse file is too long");
    for (const stored of ["", "2\n1\n", "2\n1\n".padEnd(512)])
      expect(() => unpack(sparse({ major: "1" }, stored), 512)).toThrow(/sparse file (is cut off|holds)/);
    expect(() => unpack(sparse({ major: "2" }, ""), 512)).toThrow("of the form 2 are unknown");
  });
});
