import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { diskLayout } from "../../../src/runtime/engine/disk-layout.ts";
import type {
  ContainerRuntime,
  ContainerSpec,
  LogOptions,
  OutputChunk,
  Session,
} from "../../../src/runtime/index.ts";
import { BUSYBOX, TestEngine } from "../../support/test-engine.ts";
import { until } from "../../support/until.ts";

const engine = new TestEngine("streams");
let runtime: ContainerRuntime;

beforeAll(async () => {
  runtime = await engine.prepare();
});
afterAll(() => engine.destroy());

async function create(script: string, spec: Partial<ContainerSpec> = {}): Promise<string> {
  const { id } = await runtime.containers.create({
    image: BUSYBOX,
    command: ["sh", "-c", script],
    networkMode: "none",
    ...spec,
  });
  return id;
}

async function run(script: string, spec: Partial<ContainerSpec> = {}): Promise<string> {
  const id = await create(script, spec);
  await runtime.containers.start(id);
  return id;
}

/** All of it, as latin-1; what follows in the same stream is put together. */
async function merged(output: AsyncIterable<OutputChunk>): Promise<readonly (readonly [string, string])[]> {
  const runs: [string, string][] = [];
  for await (const { stream, data } of output) {
    const last = runs.at(-1);
    const text = Buffer.from(data).toString("latin1");
    if (last?.[0] === stream) last[1] += text;
    else runs.push([stream, text]);
  }
  return runs;
}

/** Reads a session in the background; what came so far. */
function reading(session: Session) {
  const state = { text: "", isOver: false };
  void (async () => {
    for await (const { data } of session.output) state.text += Buffer.from(data).toString();
    state.isOver = true;
  })();
  return state;
}

describe("a terminal", () => {
  it("of a container echoes, takes its size and heeds ^C", async () => {
    const script = "trap 'stty size' WINCH; echo ready; while true; do read line && echo got:$line; done";
    const id = await create(script, { tty: true, openStdin: true });
    const session = await runtime.containers.attach(id, { stdin: true });
    const seen = reading(session);
    await runtime.containers.start(id);
    await until(() => seen.text.includes("ready"), "start");
    await session.resize({ rows: 33, columns: 101 });
    await session.write(Buffer.from("hello\n"));
    await until(() => seen.text.includes("got:hello"), "echo");
    await until(() => seen.text.includes("33 101"), "size");
    await session.write(Buffer.from("\x03"));
    await until(() => seen.isOver, "end");
    expect((await runtime.containers.wait(id)).exitCode).toBe(130);
  });

  it("of an exec has its size from the start, and another later", async () => {
    const id = await run("sleep 1000");
    const command = [
      "sh",
      "-c",
      "stty size; until stty size | grep -q '44 111'; do sleep 0.05; done; echo resized; tty; exit 5",
    ];
    const execId = await runtime.containers.createExec(id, {
      command,
      tty: true,
      attachStdin: true,
      attachStdout: true,
    });
    const session = await runtime.containers.startExec(execId, { consoleSize: { rows: 20, columns: 60 } });
    if (session === undefined) throw new Error("no session");
    const seen = reading(session);
    await until(() => seen.text.includes("20 60"), "first size");
    await runtime.containers.resizeExec(execId, { rows: 44, columns: 111 });
    await until(() => seen.isOver, "end");
    expect(seen.text).toContain("resized");
    expect(seen.text).toContain("/dev/pts/");
    expect((await runtime.containers.inspectExec(execId)).exitCode).toBe(5);
  });

  it("of an exec tells what could not be started", async () => {
    const id = await run("sleep 1000");
    const execId = await runtime.containers.createExec(id, {
      command: ["nope"],
      tty: true,
      attachStdout: true,
    });
    const session = await runtime.containers.startExec(execId);
    if (session === undefined) throw new Error("no session");
    let text = "";
    for await (const { data } of session.output) text += Buffer.from(data).toString();
    expect(text).toMatch(/^OCI runtime exec failed: .*"nope": executable file not found/);
    expect(await runtime.containers.inspectExec(execId)).toMatchObject({ exitCode: 127, isRunning: false });
  });
});

describe("an exec that signals its process group", () => {
  it.each([false, true])("reaches nobody outside (terminal: %s)", async (tty) => {
    const id = await run("sleep 1000");
    const command = ["sh", "-c", "trap 'echo caught' USR2; kill -USR2 0; echo done; exit 4"];
    const execId = await runtime.containers.createExec(id, { command, tty, attachStdout: true });
    const session = await runtime.containers.startExec(execId);
    if (session === undefined) throw new Error("no session");
    const seen = reading(session);
    await until(() => seen.isOver, "end");
    expect(seen.text.split(/\r?\n/)).toEqual(expect.arrayContaining(["caught", "done"]));
    expect((await runtime.containers.inspectExec(execId)).exitCode).toBe(4);
    expect((await runtime.containers.inspect(id)).state.status).toBe("running");
  });
});

describe("output", () => {
  it("of a container that ends at once is whole for who attached before", async () => {
    for (let n = 0; n < 5; n++) {
      const id = await create("seq 1 2000");
      const session = await runtime.containers.attach(id);
      const seen = reading(session);
      await runtime.containers.start(id);
      await until(() => seen.isOver, "end");
      expect(seen.text.trim().split("\n")).toHaveLength(2000);
    }
  });

  it("of two streams comes in its order, whatever its bytes, attached and from the log", async () => {
    const numbers = Array.from({ length: 20_000 }, (_, n) => `${n + 1}\n`).join("");
    const steps = [
      { script: "head -c 40000 /dev/zero", bytes: 40_000 },
      { script: "echo", bytes: 1 },
      { script: "printf 'open '", bytes: 5 },
      { script: "echo aside >&2", bytes: 6 },
      { script: "printf '\\377\\000\\r\\n'", bytes: 4 },
      { script: "seq 1 20000", bytes: numbers.length },
      { script: "seq 1 20000 >&2", bytes: numbers.length },
      { script: "printf end", bytes: 3 },
    ];
    // The monitor has two pipes to read: what must be in order is said when what comes before it has been heard.
    const id = await create(steps.map(({ script }) => script).join("; read go; "), { openStdin: true });
    const session = await runtime.containers.attach(id, { stdin: true });
    let heardBytes = 0;
    const heard = async function* () {
      for await (const chunk of session.output) {
        heardBytes += chunk.data.length;
        yield chunk;
      }
    };
    const attached = merged(heard());
    await runtime.containers.start(id);
    let saidBytes = 0;
    for (const { script, bytes } of steps.slice(0, -1)) {
      saidBytes += bytes;
      await until(() => heardBytes === saidBytes, script);
      await session.write(Buffer.from("\n"));
    }
    const begin = `${"\0".repeat(40_000)}\n`;
    expect(await attached).toEqual([
      ["stdout", `${begin}open `],
      ["stderr", "aside\n"],
      ["stdout", `\xff\0\r\n${numbers}`],
      ["stderr", numbers],
      ["stdout", "end"],
    ]);
    // In the log a line has its place where it ends.
    const logged = [
      ["stdout", begin],
      ["stderr", "aside\n"],
      ["stdout", `open \xff\0\r\n${numbers}`],
      ["stderr", numbers],
      ["stdout", "end"],
    ];
    expect(await merged(runtime.containers.logs(id))).toEqual(logged);
    expect(await merged(runtime.containers.logs(id, { timestamps: true }))).toEqual(logged);
    expect(await merged(runtime.containers.logs(id, { tail: 2 }))).toEqual([
      ["stderr", "20000\n"],
      ["stdout", "end"],
    ]);
  });

  it("never waits for a reader who does not read", async () => {
    const id = await create("seq 1 200000; exit 9");
    const session = await runtime.containers.attach(id, { stdin: false });
    await runtime.containers.start(id);
    expect((await runtime.containers.wait(id)).exitCode).toBe(9);
    session.close();
  });

  it("of large exec is whole and does not fill our memory", async () => {
    const id = await run("sleep 1000");
    const command = ["sh", "-c", "head -c 50000000 /dev/zero"];
    const execId = await runtime.containers.createExec(id, { command, attachStdout: true });
    const session = await runtime.containers.startExec(execId);
    if (session === undefined) throw new Error("no session");
    let bytes = 0;
    for await (const { data } of session.output) bytes += data.length;
    expect(bytes).toBe(50_000_000);
  });

  it("is followed over a restart, and ends with the container", async () => {
    const id = await run("echo run; sleep 0.1; exit 1", {
      restartPolicy: { name: "on-failure", maximumRetryCount: 2 },
    });
    let text = "";
    for await (const { data } of runtime.containers.logs(id, { follow: true }))
      text += Buffer.from(data).toString();
    expect(text).toBe("run\nrun\nrun\n");
  });

  it("is rotated without loss, and only so much of it kept", async () => {
    const id = await run(
      "i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo line $i; [ $((i%100)) = 0 ] && sleep 0.1; done",
      {
        log: { options: { "max-size": "20k", "max-file": "2" } },
      },
    );
    let text = "";
    for await (const { data } of runtime.containers.logs(id, { follow: true }))
      text += Buffer.from(data).toString();
    expect(text).toBe(Array.from({ length: 4000 }, (_, n) => `line ${n + 1}\n`).join(""));
    const folder = diskLayout(engine.rootDir, engine.runDir).containerDir(id);
    const files = () => readdirSync(folder).filter((name) => name.startsWith("container.log"));
    // A rotation may be under way when the container ends.
    await expect.poll(() => files().sort()).toEqual(["container.log", "container.log.1"]);
    let last = "";
    for await (const { data } of runtime.containers.logs(id, { tail: 1 }))
      last = Buffer.from(data).toString();
    expect(last).toBe("line 4000\n");
  });

  it("is compressed as it is rotated, and read on as if it were not", async () => {
    const log = { options: { "max-size": "20k", "max-file": "9", compress: "true" } };
    const id = await run(
      "i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo line $i; [ $((i%100)) = 0 ] && sleep 0.1; done",
      { log },
    );
    const lines = (from: number) =>
      Array.from({ length: 4001 - from }, (_, n) => `line ${n + from}\n`).join("");
    const read = async (options: LogOptions) => {
      let text = "";
      for await (const { data } of runtime.containers.logs(id, options)) text += Buffer.from(data).toString();
      return text;
    };
    expect(await read({ follow: true })).toBe(lines(1));
    const folder = diskLayout(engine.rootDir, engine.runDir).containerDir(id);
    // A rotation may be under way when the container ends.
    const isPacked = (name: string) => name === "container.log" || /^container\.log\.\d+\.gz$/.test(name);
    const files = () => readdirSync(folder).filter((name) => name.startsWith("container.log"));
    await expect.poll(() => files().every(isPacked)).toBe(true);
    expect(files().length).toBeGreaterThan(1);
    expect(await read({})).toBe(lines(1));
    expect(await read({ tail: 3500 })).toBe(lines(501));
    let sinceNs: bigint | undefined;
    for await (const { timesNs } of runtime.containers.logs(id, { timestamps: true, tail: 2000 }))
      sinceNs ??= timesNs?.[0];
    const late = await read({ sinceNs: sinceNs ?? 0n });
    expect(late).toContain("line 2001\nline 2002\n");
    expect(late).not.toContain("line 1000\n");
  });

  it("of a container without a log cannot be read later, but is seen by who is attached", async () => {
    const id = await create("echo seen", { log: { driver: "none" } });
    const seen = reading(await runtime.containers.attach(id));
    await runtime.containers.start(id);
    await until(() => seen.isOver);
    expect(seen.text).toBe("seen\n");
    const reader = runtime.containers.logs(id)[Symbol.asyncIterator]();
    await expect(reader.next()).rejects.toThrow("does not support reading");
  });
});

describe("the detach keys", () => {
  it("are told of, a client that goes is not", async () => {
    const id = await run("sleep 1000", { tty: true });
    const events = runtime.events({ filters: { container: [id] } })[Symbol.asyncIterator]();
    const next = async () => ((await events.next()).value as { readonly action: string }).action;
    (await runtime.containers.attach(id)).close();
    (await runtime.containers.attach(id)).close({ isDetached: true });
    await runtime.containers.pause(id);
    expect([await next(), await next(), await next(), await next()]).toEqual([
      "attach",
      "attach",
      "detach",
      "pause",
    ]);
    await events.return?.();
    await runtime.containers.unpause(id);
  });
});

describe("input", () => {
  it("of any size arrives, and its end with it", async () => {
    const id = await create("wc -c", { openStdin: true, stdinOnce: true });
    const session = await runtime.containers.attach(id, { stdin: true });
    const seen = reading(session);
    await runtime.containers.start(id);
    const block = Buffer.alloc(1_000_000, 120);
    for (let n = 0; n < 10; n++) await session.write(block);
    await session.end();
    await until(() => seen.isOver, "end");
    expect(seen.text.trim()).toBe("10000000");
  });

  it("stays open for the next client unless it was for one only", async () => {
    const id = await create("while read line; do echo $line; done", { openStdin: true });
    const first = await runtime.containers.attach(id, { stdin: true });
    await runtime.containers.start(id);
    await first.write(Buffer.from("one\n"));
    await first.end();
    first.close();
    const second = await runtime.containers.attach(id, { stdin: true });
    const seen = reading(second);
    await second.write(Buffer.from("two\n"));
    await until(() => seen.text.includes("two"), "echo");
    expect((await runtime.containers.inspect(id)).state.status).toBe("running");
    second.close();
  });

  it("of a container that has none is refused", async () => {
    const id = await run("sleep 1000");
    const session = await runtime.containers.attach(id, { stdin: true });
    await expect(session.write(Buffer.from("x"))).rejects.toMatchObject({ kind: "invalid" });
    session.close();
  });
});

describe("an exec whose child outlives it", () => {
  it.each([
    {
      name: "with its code and what comes soon",
      child: "sleep 0.2; echo late; exec sleep 1000",
      text: "hi\nlate\n",
    },
    { name: "though it is never silent", child: "while true; do echo more; done", text: "hi\nmore\n" },
  ])("ends $name", async ({ child, text }) => {
    const id = await run("sleep 1000");
    const command = ["sh", "-c", `echo hi; (trap '' PIPE; ${child}) & exit 3`];
    const descriptors = () => readdirSync("/proc/self/fd").length;
    const before = descriptors();
    const execId = await runtime.containers.createExec(id, {
      command,
      attachStdout: true,
      attachStderr: true,
    });
    const session = await runtime.containers.startExec(execId);
    let seen = "";
    for await (const { data } of session?.output ?? []) seen += Buffer.from(data).toString();
    expect(seen.slice(0, text.length)).toBe(text);
    expect(await runtime.containers.inspectExec(execId)).toMatchObject({ exitCode: 3, isRunning: false });
    await until(() => descriptors() <= before, "descriptors are closed");
    await runtime.containers.remove(id, { force: true });
  });

  it("keeps what was said for whoever listens after the end, a child that holds the output or not", async () => {
    const id = await run("sleep 1000");
    for (const command of [
      ["echo", "said"],
      ["sh", "-c", "sleep 1000 & echo said"],
    ]) {
      const execId = await runtime.containers.createExec(id, { command, attachStdout: true });
      const session = await runtime.containers.startExec(execId);
      await until(async () => (await runtime.containers.inspectExec(execId)).exitCode === 0);
      if (session === undefined) throw new Error("no session");
      expect(await merged(session.output)).toEqual([["stdout", "said\n"]]);
    }
    await runtime.containers.remove(id, { force: true });
  });

  it("lets it write on where nobody hears it", async () => {
    const id = await run("sleep 1000");
    const command = [
      "sh",
      "-c",
      "(sleep 3; echo late; echo late >&2; touch /done; exec sleep 1000) & exit 0",
    ];
    const execId = await runtime.containers.createExec(id, { command });
    await runtime.containers.startExec(execId, { detach: true });
    await until(() => isDone(id), "the child goes on");
    await runtime.containers.remove(id, { force: true });
  });
});

describe("an exec that prints without end", () => {
  it("is not kept in memory, however much came on one stream while the other is silent", async () => {
    const id = await run("sleep 1000");
    const most = await mostBuffered(async (look) => {
      const execId = await runtime.containers.createExec(id, {
        command: ["sh", "-c", "dd if=/dev/zero bs=64k count=4000 2>/dev/null"],
        attachStdout: true,
        attachStderr: true,
      });
      const session = await runtime.containers.startExec(execId);
      let bytes = 0;
      for await (const { data } of session?.output ?? []) {
        bytes += data.length;
        look();
      }
      expect(bytes).toBe(4000 << 16);
    });
    expect(most).toBeLessThan(100 << 20);
    await runtime.containers.remove(id, { force: true });
  });

  it("waits for a reader that has stopped, and goes on without one that has gone", async () => {
    const id = await run("sleep 1000");
    const command = ["sh", "-c", "head -c 50000000 /dev/zero; touch /done; exec sleep 1000"];
    const execId = await runtime.containers.createExec(id, {
      command,
      attachStdout: true,
      attachStderr: true,
    });
    const session = await runtime.containers.startExec(execId);
    if (session === undefined) throw new Error("no session");
    const reader = session.output[Symbol.asyncIterator]();
    for (let piece = 0; piece < 3; piece++) expect((await reader.next()).done).toBe(false);
    expect(await isDone(id)).toBe(false);
    // It waits to be asked for more while the client goes.
    void reader.next();
    session.close();
    await until(() => isDone(id), "the process goes on");
    await runtime.containers.remove(id, { force: true });
  });

  it("as a health check is heard for 4096 bytes, and ended in time", async () => {
    let id = "";
    const most = await mostBuffered(async (look) => {
      id = await run("sleep 1000", {
        healthcheck: {
          test: ["CMD-SHELL", "exec cat /dev/zero"],
          intervalMs: 100,
          timeoutMs: 3000,
          retries: 1,
        },
      });
      await until(async () => {
        look();
        return (await runtime.containers.inspect(id)).state.health?.status === "unhealthy";
      }, "unhealthy");
    });
    expect(most).toBeLessThan(100 << 20);
    const { state } = await runtime.containers.inspect(id);
    const output = state.health?.log[0]?.output ?? "";
    expect(output.replace(/^Health check exceeded timeout \(3s\): /, "").length).toBe(4096);
    await runtime.containers.remove(id, { force: true });
  });
});

/** The most bytes that buffers held above what they held before, at the moments of `look`. */
async function mostBuffered(action: (look: () => void) => Promise<void>): Promise<number> {
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  await action(() => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  });
  return most;
}

async function isDone(id: string): Promise<boolean> {
  return runtime.containers.statPath(id, "/done").then(
    () => true,
    () => false,
  );
}
