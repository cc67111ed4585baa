import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLog } from "../../../../src/lib/log.ts";
import { Container, type Run } from "../../../../src/runtime/engine/containers/container.ts";
import { ContainerTable } from "../../../../src/runtime/engine/containers/container-table.ts";
import { compressLog } from "../../../../src/runtime/engine/containers/log-compression.ts";
import { openTail } from "../../../../src/runtime/engine/containers/log-files.ts";
import { type LineFilter, LineJoiner } from "../../../../src/runtime/engine/containers/log-lines.ts";
import { logLimits } from "../../../../src/runtime/engine/containers/log-options.ts";
import { OutputDecoder } from "../../../../src/runtime/engine/containers/log-records.ts";
import { readLog } from "../../../../src/runtime/engine/containers/log-tail.ts";
import type { ContainerRecord } from "../../../../src/runtime/engine/containers/record.ts";
import { rotateLogs } from "../../../../src/runtime/engine/containers/rotate-logs.ts";
import { diskLayout } from "../../../../src/runtime/engine/disk-layout.ts";
import type { LogEntry, OutputChunk } from "../../../../src/runtime/index.ts";
import { fc } from "../../../support/fast-check.ts";
import { until } from "../../../support/until.ts";

const record = (text: string, { stream = "stdout", flag = "F", at = "00.5" } = {}) =>
  `2026-11-21T19:28:${at.padEnd(12, "0")}+00:00 ${stream} ${flag} ${text}\n`;
/** What `record` says by itself: half past its second. */
const AT_NS = 1_795_289_280_500_000_000n;
const text = ({ data }: { readonly data: Uint8Array }) => Buffer.from(data).toString("latin1");
const said = (chunks: readonly OutputChunk[]) => chunks.map((one) => [one.stream, text(one)]);
const decode = (...blocks: readonly (string | Buffer)[]) => {
  const decoder = new OutputDecoder(() => true);
  return blocks.flatMap((block) => [...decoder.push(Buffer.from(block))]);
};

describe("OutputDecoder", () => {
  it("gives the bytes as they were written, those of one stream that follow each other together", () => {
    const chunks = decode(
      record("a b") +
        record("no end", { flag: "P" }) +
        record("") +
        record("oops", { stream: "stderr" }) +
        record("z", { flag: "P" }),
    );
    expect(said(chunks)).toEqual([
      ["stdout", "a b\nno end\n"],
      ["stderr", "oops\n"],
      ["stdout", "z"],
    ]);
  });

  it.each([1, 64, 65, 8192, 100_000])("keeps every byte of %i, binary too", (length) => {
    const bytes = Buffer.from(Array.from({ length }, (_, n) => [0, 255, 13, 32, 70, 128][n % 6] ?? 0));
    const raw = Buffer.concat([Buffer.from(record("").slice(0, -1)), bytes, Buffer.from("\n")]);
    const [chunk] = decode(raw);
    expect(Buffer.from(chunk?.data ?? []).equals(Buffer.concat([bytes, Buffer.from("\n")]))).toBe(true);
  });

  it("passes over what is no record", () => {
    expect(said(decode(`garbage\n\n${record("fine")}${"x".repeat(100)}\n`))).toEqual([["stdout", "fine\n"]]);
  });

  it("leaves out what is not wanted", () => {
    const decoder = new OutputDecoder(({ stream, timeNs }) => stream === "stderr" && timeNs > AT_NS);
    const block = ["00.5", "00.500000001", "59.9"].flatMap((at) =>
      ["stdout", "stderr"].map((stream) => record(`${stream} ${at}`, { stream, at })),
    );
    expect(said(decoder.push(Buffer.from(block.join(""))))).toEqual([
      ["stderr", "stderr 00.500000001\nstderr 59.9\n"],
    ]);
  });
});

describe("LineJoiner", () => {
  const ALL = { stdout: true, stderr: true, sinceNs: undefined, untilNs: undefined, timestamps: true };
  const join = (blocks: readonly string[], filter: Partial<LineFilter> = {}) => {
    const joiner = new LineJoiner({ ...ALL, ...filter });
    const entries = blocks.flatMap((block) => [...joiner.push(Buffer.from(block))]);
    return joiner.isOver ? entries : [...entries, ...joiner.rest()];
  };
  /** `1 out a` is a line of stdout, a second after the others. */
  const lines = (entries: readonly LogEntry[]) =>
    entries.flatMap(({ stream, data, timesNs = [] }) => {
      const parts = text({ data }).match(/[^\n]*\n|[^\n]+$/g) ?? [];
      expect(parts).toHaveLength(timesNs.length);
      return parts.map((part, n) => [stream, part, Number((timesNs[n] ?? 0n) - AT_NS)]);
    });

  it("joins the pieces of a line, each stream for itself, with the time of its beginning", () => {
    const block =
      record("he", { flag: "P" }) +
      record("oops", { stream: "stderr", at: "00.500000002" }) +
      record("llo", { at: "00.500000003" }) +
      record("more", { at: "00.500000004" }) +
      record("no end", { flag: "P", at: "01.5" });
    expect(lines(join([block]))).toEqual([
      ["stderr", "oops\n", 2],
      ["stdout", "hello\n", 0],
      ["stdout", "more\n", 4],
      ["stdout", "no end", 1_000_000_000],
    ]);
  });

  it("puts lines of one stream that follow each other into one entry", () => {
    const block =
      record("1") + record("2a", { flag: "P" }) + record("2b") + record("3", { stream: "stderr" });
    expect(said(join([block, record("4")], { timestamps: false }))).toEqual([
      ["stdout", "1\n2a2b\n"],
      ["stderr", "3\n"],
      ["stdout", "4\n"],
    ]);
  });

  it("does not care how the log comes in blocks", () => {
    const kinds = fc.record({
      stream: fc.constantFrom("stdout", "stderr"),
      flag: fc.constantFrom("P", "F"),
      text: fc.constantFrom("", "x", "long ".repeat(30), "y".repeat(9000)),
    });
    fc.assert(
      fc.property(fc.array(kinds, { maxLength: 30 }), fc.array(fc.nat(30)), (records, cuts) => {
        const all = records.map(({ text: body, ...options }) => record(body, options));
        const at = [0, ...[...cuts].sort((a, b) => a - b), all.length];
        const blocks = at.slice(1).map((end, n) => all.slice(at[n], end).join(""));
        expect(lines(join(blocks))).toEqual(lines(join([all.join("")])));
        const bytes = (stream: string) =>
          join(blocks, { timestamps: false })
            .filter((entry) => entry.stream === stream)
            .map(text)
            .join("");
        for (const stream of ["stdout", "stderr"])
          expect(bytes(stream)).toBe(
            records
              .filter((one) => one.stream === stream)
              .map((one) => (one.flag === "F" ? `${one.text}\n` : one.text))
              .join(""),
          );
      }),
    );
  });

  it("gives long lines in pieces of 16 KiB, each the last of its entry", () => {
    const piece = record("x".repeat(8192), { flag: "P" });
    const entries = join([record("short") + piece + piece + piece + record("end")]);
    expect(entries.map(({ data }) => data.length)).toEqual([6 + 16_384, 8192 + 4]);
    expect(entries.map(({ timesNs }) => timesNs?.length)).toEqual([2, 1]);
  });

  const DAY = ["00.1", "00.2", "00.3"].map((at) => record(at, { at })).join("");
  const instant = (tenths: number, nanoseconds: number) =>
    AT_NS - 500_000_000n + BigInt(tenths) * 100_000_000n + BigInt(nanoseconds);

  it.each([
    [instant(1, 0), instant(3, 0), "00.1 00.2 00.3"],
    [instant(1, 1), instant(3, 0), "00.2 00.3"],
    [instant(2, 0), instant(3, -1), "00.2"],
    [instant(3, 0), undefined, "00.3"],
    [instant(3, 1), undefined, ""],
    [undefined, instant(1, -1), ""],
  ])("since %s until %s has both borders in it", (sinceNs, untilNs, expected) => {
    const entries = join([DAY], { sinceNs, untilNs, timestamps: false });
    expect(entries.map(text).join("").trim().split("\n").join(" ")).toBe(expected);
  });

  it("takes a line for as old as its beginning, without its end or with it", () => {
    const block =
      record("be", { flag: "P" }) + record("gun", { at: "01" }) + record("rest", { flag: "P", at: "02" });
    expect(join([block], { sinceNs: AT_NS + 1n }).map(text)).toEqual(["rest"]);
    expect(join([block], { sinceNs: AT_NS + 10_000_000_000n })).toEqual([]);
  });
});

describe("a log on disk", () => {
  let folder = "";
  let path = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "stowage-log-"));
    path = join(folder, "container.log");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const read = async (tail?: number) => {
    const lines: string[] = [];
    const { positions } = await openTail(path, tail);
    for await (const block of readLog(path, positions)) lines.push(...decode(block).map(text));
    return lines.join("");
  };
  const numbers = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, n) => record(String(from + n))).join("");
  const plain = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, n) => `${from + n}\n`).join("");

  it("is read over its rotated files, oldest first", async () => {
    writeFileSync(`${path}.10`, numbers(1, 3));
    writeFileSync(`${path}.2`, numbers(4, 5));
    writeFileSync(`${path}.1`, numbers(6, 6));
    writeFileSync(path, numbers(7, 8));
    expect(await read()).toBe(plain(1, 8));
  });

  it("is read over compressed files, and they are found by who was still reading them", async () => {
    writeFileSync(`${path}.2`, numbers(1, 3));
    utimesSync(`${path}.2`, 1000, 1000.123);
    writeFileSync(`${path}.1`, numbers(4, 6));
    utimesSync(`${path}.1`, 2000, 2000.456);
    writeFileSync(path, numbers(7, 8));
    const early = await openTail(path, undefined);
    await compressLog(`${path}.1`);
    await compressLog(`${path}.2`);
    expect(readdirSync(folder).sort()).toEqual(["container.log", "container.log.1.gz", "container.log.2.gz"]);
    expect(await read()).toBe(plain(1, 8));
    expect(await read(4)).toBe(plain(5, 8));
    expect(readdirSync(folder)).toHaveLength(3);
    const follow = { isOver: () => true, onChange: () => () => {} };
    const late = await openTail(path, undefined);
    for (const positions of [early.positions, late.positions]) {
      for (const { file } of positions.slice(1)) await file.close();
      const lines: string[] = [];
      for await (const block of readLog(path, positions.slice(0, 1), { follow }))
        lines.push(...decode(block).map(text));
      expect(lines.join("")).toBe(plain(1, 8));
    }
  });

  it.each([0, 1, 2, 3, 5, 6, 7, 8, 9, 100])("gives its last %i lines", async (tail) => {
    writeFileSync(`${path}.2`, numbers(1, 3));
    writeFileSync(`${path}.1`, numbers(4, 6));
    writeFileSync(path, numbers(7, 8));
    expect(await read(tail)).toBe(plain(Math.max(1, 9 - tail), 8));
  });

  it("counts a line in pieces as one", async () => {
    writeFileSync(
      path,
      record("1") + record("2a", { flag: "P" }) + record("2b") + record("3", { flag: "P" }),
    );
    expect(await read(1)).toBe("3");
    expect(await read(2)).toBe("2a2b\n3");
  });

  it("knows what was begun before the tail, and ends in it", async () => {
    const begun = record("be", { flag: "P" }) + record("g", { flag: "P" });
    const between = record("between", { stream: "stderr" });
    writeFileSync(
      path,
      record("0", { flag: "P" }) + record("1") + begun + between + record("un") + record("3"),
    );
    const tail = async (count: number) => {
      const { positions, begun: before } = await openTail(path, count);
      const behind: string[] = [];
      for await (const block of readLog(path, positions)) behind.push(...decode(block).map(text));
      return [decode(before).map(text).join(""), behind.join("")];
    };
    expect(await tail(1)).toEqual(["", "3\n"]);
    expect(await tail(2)).toEqual(["beg", "un\n3\n"]);
    expect(await tail(3)).toEqual(["", "begbetween\nun\n3\n"]);
  });

  it("gives the tail of a large file without reading it all", async () => {
    writeFileSync(path, numbers(1, 50_000));
    expect(await read(10_000)).toBe(plain(40_001, 50_000));
  });

  it("is nothing when there is no file", async () => {
    expect(await read()).toBe("");
    expect(await read(5)).toBe("");
  });

  /** Follows the log until `end` is called. */
  const follow = async (tail?: number) => {
    let isOver = false;
    let wake = () => {};
    const state = { text: "", blocks: 0 };
    const { positions } = await openTail(path, tail);
    const blocks = readLog(path, positions, {
      follow: {
        isOver: () => isOver,
        onChange: (listener) => {
          wake = listener;
          return () => {};
        },
      },
    });
    const reading = (async () => {
      for await (const block of blocks) {
        state.text += decode(block).map(text).join("");
        state.blocks++;
      }
    })();
    const end = () => {
      isOver = true;
      wake();
      return reading;
    };
    return { state, end };
  };
  const rotate = (from: number, to: number) => {
    for (let number = 8; number >= 1; number--)
      if (existsSync(`${path}.${number}`)) renameSync(`${path}.${number}`, `${path}.${number + 1}`);
    renameSync(path, `${path}.1`);
    appendFileSync(`${path}.1`, numbers(from, to - 1));
    writeFileSync(path, numbers(to, to));
  };

  it.each([1, 2])("is read once when the file opened at step %i is rotated away meanwhile", async (step) => {
    writeFileSync(`${path}.2`, numbers(1, 2));
    await compressLog(`${path}.2`);
    writeFileSync(`${path}.1`, numbers(3, 4));
    writeFileSync(path, numbers(5, 6));
    let steps = 0;
    const { positions } = await openTail(path, undefined, async (name) => {
      const file = await open(name, "r");
      if (++steps === step) {
        renameSync(`${path}.2.gz`, `${path}.3.gz`);
        rotate(7, 8);
      }
      return file;
    });
    const lines: string[] = [];
    for await (const block of readLog(path, positions)) lines.push(...decode(block).map(text));
    expect(lines.join("")).toBe(plain(1, 8));
  });

  it("is followed over rotations without loss, to its end", async () => {
    writeFileSync(path, numbers(1, 2));
    const { state, end } = await follow(1);
    rotate(3, 5);
    rotate(6, 7);
    appendFileSync(path, numbers(8, 9));
    await end();
    expect(state.text).toBe(plain(2, 9));
  });

  it("is followed over rotations as they happen", async () => {
    writeFileSync(path, numbers(1, 2));
    const { state, end } = await follow();
    await until(() => state.text === plain(1, 2), "the beginning");
    rotate(3, 5);
    rotate(6, 7);
    await until(() => state.text === plain(1, 7), "two rotations");
    appendFileSync(path, numbers(8, 9));
    await until(() => state.text === plain(1, 9), "the last file");
    await end();
  });

  it("is followed from before its file is there", async () => {
    const { state, end } = await follow(0);
    writeFileSync(path, numbers(1, 2));
    await until(() => state.text === plain(1, 2), "the file");
    await end();
  });

  it("gives a record that is torn when it is whole", async () => {
    const whole = record("one") + record("é".repeat(40_000)) + record("three");
    writeFileSync(path, "");
    const { state, end } = await follow();
    const bytes = Buffer.from(whole);
    for (const [from, to] of [
      [0, 60],
      [60, 130],
      [130, 80_000],
      [80_000, bytes.length],
    ] as const) {
      appendFileSync(path, bytes.subarray(from, to));
      const lines = bytes.subarray(0, to).toString("latin1").split("\n").length - 1;
      await until(() => state.text.split("\n").length - 1 === lines, `${lines} lines`);
    }
    await end();
    expect(Buffer.from(state.text, "latin1").toString()).toBe(`one\n${"é".repeat(40_000)}\nthree\n`);
  });

  it("is read on behind megabytes that are no record", async () => {
    writeFileSync(path, Buffer.alloc(3 << 20));
    appendFileSync(path, `\n${numbers(1, 3)}`);
    expect(await read()).toBe(plain(1, 3));
  });
});

describe("a rotation", () => {
  it("is taken back when the monitor has ended and begins no new file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "stowage-rotation-"));
    try {
      const layout = diskLayout(join(folder, "root"), join(folder, "run"));
      const log = { driver: "local", options: { "max-size": "1k", "max-file": "3" } };
      const container = new Container({ id: "1", name: "one", spec: { log } } as unknown as ContainerRecord);
      // No process has that number.
      container.run = { monitorPid: 1 << 30 } as Run;
      const table = new ContainerTable();
      table.add(container);
      const dir = layout.containerDir("1");
      mkdirSync(dir, { recursive: true });
      const files = { "container.log": "x".repeat(1024), "container.log.1": "y", "container.log.2": "z" };
      for (const [name, data] of Object.entries(files)) writeFileSync(join(dir, name), data);
      await rotateLogs({ layout, table, log: silentLog });
      const found = readdirSync(dir).map((name) => [name, readFileSync(join(dir, name), "utf8")]);
      expect(Object.fromEntries(found)).toEqual(files);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("logLimits", () => {
  it.each([
    [{}, { maxBytes: undefined, maxFiles: 1, isCompressed: false }],
    [
      { options: { "max-size": "10m", "max-file": "3" } },
      { maxBytes: 10 << 20, maxFiles: 3, isCompressed: false },
    ],
    [{ options: { "max-size": "1.5k" } }, { maxBytes: 1536, maxFiles: 1, isCompressed: false }],
    [{ driver: "local" }, { maxBytes: 20 << 20, maxFiles: 5, isCompressed: true }],
    [
      { options: { "max-size": "1k", "max-file": "2", compress: "true" } },
      { maxBytes: 1024, maxFiles: 2, isCompressed: true },
    ],
    [
      { driver: "local", options: { "max-file": "1", compress: "F" } },
      { maxBytes: 20 << 20, maxFiles: 1, isCompressed: false },
    ],
  ])("%j", (log, expected) => expect(logLimits(log)).toEqual(expected));

  it.each([
    [{ driver: "gelf" }, 'Cannot log with driver "gelf": the drivers here are json-file, local, none'],
    [{ driver: "nosuch" }, 'plugin "nosuch" not found'],
    [{ options: { "labels-regex": "(" } }, "is no regular expression"],
    [{ options: { tag: "{{.Name}}/{{.Nope}}" } }, "it holds {{.Nope}}, and may hold {{.ID}}"],
    [{ options: { "max-size": "many" } }, "max-size"],
    [{ options: { "max-file": "0" } }, "max-file cannot be less than 1"],
    [{ options: { compress: "yes" } }, 'invalid value for compress: "yes"'],
    [{ options: { compress: "true", "max-file": "3" } }, "max-size is not set"],
    [{ options: { compress: "true", "max-size": "1k" } }, "max-file is less than 2"],
    [
      { driver: "local", options: { "max-file": "1" } },
      "compression cannot be enabled when max file count is 1",
    ],
    [{ options: { colour: "blue" } }, "unknown log opt 'colour'"],
  ])("%j is refused", (log, message) => expect(() => logLimits(log as never)).toThrow(message));
});
