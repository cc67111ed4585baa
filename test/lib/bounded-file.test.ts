import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readAtMost, readOrdinaryFile } from "../../src/lib/bounded-file.ts";

let dir = "";
const at = (name: string) => join(dir, name);
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "stowage-bounded-"));
  writeFileSync(at("small"), "text");
  writeFileSync(at("huge"), "");
  truncateSync(at("huge"), 10 * 2 ** 30);
  execFileSync("mkfifo", [at("pipe")]);
});
afterAll(() => rmSync(dir, { recursive: true }));

describe("of what is read at most so much", () => {
  it.each([
    ["a device without end", "/dev/zero"],
    ["a file larger than memory", "huge"],
  ])("there is one byte more, of %s", async (_what, path) => {
    expect(await readAtMost(path.startsWith("/") ? path : at(path), 1 << 20)).toHaveLength((1 << 20) + 1);
  });

  it("a pipe without end is left, and one with an end is read to it", async () => {
    const endless = spawn("sh", ["-c", `yes > ${at("pipe")}`], { stdio: "ignore" });
    expect(await readAtMost(at("pipe"), 100_000)).toHaveLength(100_001);
    await new Promise((resolve) => endless.once("exit", resolve));
    spawn("sh", ["-c", `seq 100000 > ${at("pipe")}`], { stdio: "ignore" });
    const lines = (await readAtMost(at("pipe"), 1 << 20)).toString().split("\n");
    expect([lines.length, lines.at(-2)]).toEqual([100_001, "100000"]);
  });

  it("what is shorter comes whole, of a device that is empty and of files that say they are, too", async () => {
    expect((await readAtMost(at("small"), 100)).toString()).toBe("text");
    expect(await readAtMost("/dev/null", 100)).toHaveLength(0);
    expect((await readAtMost("/proc/self/status", 100_000)).toString()).toContain("VmRSS");
  });
});

describe("an ordinary file", () => {
  it.each([
    ["a device", "/dev/zero", /no file/],
    ["a pipe that nobody writes to", "pipe", /no file/],
    ["a folder", "/", /no file/],
    ["larger than wanted", "huge", /larger than 100 bytes/],
    ["missing", "missing", /ENOENT/],
  ])("is not %s, and nobody waits for that", async (_what, path, complaint) => {
    const target = path.startsWith("/") ? path : at(path);
    await expect(readOrdinaryFile(target, 100)).rejects.toThrow(complaint);
  });

  it("comes whole", async () => {
    expect((await readOrdinaryFile(at("small"), 4)).toString()).toBe("text");
  });
});
