import { describe, expect, it } from "vitest";
import {
  loadPtyCalls,
  loadSpawn,
  spawnProgram,
  Terminal,
} from "../../../../src/runtime/engine/host/index.ts";

async function opened() {
  await loadSpawn();
  const calls = await loadPtyCalls();
  const ends = calls?.open();
  if (calls === undefined || ends === undefined) throw new Error("no terminal can be made");
  return { terminal: new Terminal(calls, ends), slave: ends.slave };
}

/** All that a shell's script writes on a terminal, read only once it has ended if `isLate`. */
async function outputOf(script: string, isLate = false): Promise<string> {
  const { terminal, slave } = await opened();
  const child = spawnProgram("sh", ["-c", script], {
    stdio: [slave, slave, slave],
    env: { PATH: process.env["PATH"] ?? "" },
    detached: true,
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  void ended.then(() => terminal.finish());
  if (isLate) await ended;
  const chunks: Buffer[] = [];
  for await (const chunk of terminal.output) chunks.push(chunk);
  return Buffer.concat(chunks).toString().replaceAll("\r", "");
}

const numbers = (last: number) => Array.from({ length: last }, (_, index) => `${index + 1}\n`).join("");

describe("a terminal", () => {
  it("gives all that was written before the end, however long it is", async () => {
    for (let time = 0; time < 30; time++) expect(await outputOf("seq 1 3000")).toBe(numbers(3000));
  });

  it("gives it to a reader who comes later than the end", async () => {
    expect(await outputOf("seq 1 800", true)).toBe(numbers(800));
  });

  it("holds a writer up whom nobody reads, and loses nothing", async () => {
    const { terminal, slave } = await opened();
    const child = spawnProgram("seq", ["1", "100000"], {
      stdio: [slave, slave, slave],
      env: { PATH: process.env["PATH"] ?? "" },
      detached: true,
    });
    child.once("exit", () => void terminal.finish());
    let text = "";
    for await (const chunk of terminal.output) text += chunk;
    expect(text.replaceAll("\r", "")).toBe(numbers(100_000));
  });

  it("ends though somebody behind still writes to it", async () => {
    expect(await outputOf("trap '' HUP; echo first; yes more & kill -KILL $$")).toContain("first\n");
  });

  it("passes on what is typed, and its size", async () => {
    const { terminal, slave } = await opened();
    terminal.resize({ rows: 12, columns: 34 });
    const child = spawnProgram("sh", ["-c", "stty -echo; echo ready; read line; echo got $line; stty size"], {
      stdio: [slave, slave, slave],
      env: { PATH: process.env["PATH"] ?? "" },
      detached: true,
    });
    child.once("exit", () => void terminal.finish());
    let text = "";
    for await (const chunk of terminal.output) {
      text += chunk;
      if (text.endsWith("ready\r\n")) await terminal.write(Buffer.from("hello\n"));
    }
    expect(text).toBe("ready\r\ngot hello\r\n12 34\r\n");
  });

  it.each([64, 200])("takes %s KB at once while everything else goes on", async (kilobytes) => {
    const { terminal, slave } = await opened();
    const text = "x"
      .repeat(63)
      .concat("\n")
      .repeat(kilobytes * 16);
    const child = spawnProgram("sh", ["-c", `stty raw -echo; echo ready; head -c ${text.length}`], {
      stdio: [slave, slave, slave],
      env: { PATH: process.env["PATH"] ?? "" },
      detached: true,
    });
    child.once("exit", () => void terminal.finish());
    let seen = "";
    for await (const chunk of terminal.output) {
      if (seen === "") void terminal.write(Buffer.from(text));
      seen += chunk;
    }
    expect(seen).toBe(`ready\n${text}`);
  });

  it("without room for what is typed holds up nobody else, and can be ended", async () => {
    const { terminal, slave } = await opened();
    const child = spawnProgram("sh", ["-c", "stty raw -echo; echo ready; exec sleep 1000"], {
      stdio: [slave, slave, slave],
      env: { PATH: process.env["PATH"] ?? "" },
      detached: true,
    });
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    void ended.then(() => terminal.finish());
    let isWritten = false;
    let written: Promise<void> | undefined;
    for await (const _ of terminal.output) {
      written ??= terminal.write(Buffer.alloc(200_000, "x")).then(() => {
        isWritten = true;
      });
      const other = await opened();
      await other.terminal.write(Buffer.from("hello\n"));
      await other.terminal.finish();
      expect(isWritten).toBe(false);
      child.kill("SIGKILL");
    }
    await written;
    expect(isWritten).toBe(true);
  });
});
