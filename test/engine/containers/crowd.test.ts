import { afterAll, beforeAll, expect, it } from "vitest";
import { type ContainerRuntime, RuntimeError } from "../../../src/runtime/index.ts";
import { isOfContainers } from "../../support/leaks.ts";
import { BUSYBOX, TestEngine } from "../../support/test-engine.ts";

const engine = new TestEngine("crowd");
let runtime: ContainerRuntime;

beforeAll(async () => {
  runtime = await engine.prepare();
});
afterAll(() => engine.destroy());

const CLIENTS = Number(process.env["STOWAGE_CROWD_CLIENTS"] ?? 8);
const OPERATIONS = Number(process.env["STOWAGE_CROWD_OPERATIONS"] ?? 25);

/** What the port promises to answer when the state forbids it; anything else is a fault of ours. */
const EXPECTED = new Set(["not-found", "conflict", "already-exists", "forbidden", "cancelled"]);

/** What Docker calls a bad request although it is the container's state, not the request, that is at fault. */
const EXPECTED_WORDS = /same name as its current|networks in private \(none\) mode/;

it("many clients that do anything at any time find every answer documented, and leave nothing", {
  timeout: 300_000,
}, async () => {
  const { containers, networks } = runtime;
  await networks.create({ name: "crowd" });
  const names = ["ada", "bob", "cyd", "dan", "eve"];
  const faults: unknown[] = [];
  const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T;
  const name = () => pick(names);
  const policy = () =>
    pick([{ name: "no" }, { name: "always" }, { name: "on-failure", maximumRetryCount: 2 }] as const);
  const operations: (() => Promise<unknown>)[] = [
    () =>
      containers.create(
        {
          image: BUSYBOX,
          command: pick([["sleep", "1000"], ["sh", "-c", "sleep 0.1; exit 1"], ["true"]]),
          networkMode: pick(["bridge", "none", "crowd"]),
          restartPolicy: policy(),
          mounts: [{ type: "volume", target: "/data" }],
        },
        { name: name() },
      ),
    () => containers.start(name()),
    () => containers.start(name()),
    () => containers.stop(name(), { timeoutSeconds: 0 }),
    () => containers.kill(name(), pick(["KILL", "TERM", "HUP"])),
    () => containers.restart(name(), { timeoutSeconds: 0 }),
    () => containers.remove(name(), { force: Math.random() < 0.7, volumes: true }),
    () => containers.pause(name()),
    () => containers.unpause(name()),
    () => containers.inspect(name()),
    () => containers.list({ all: true }),
    () => containers.rename(name(), name()),
    () => containers.wait(name(), { signal: AbortSignal.timeout(100) }),
    () => networks.connect("crowd", name()),
    () => networks.disconnect("crowd", name()),
    () => containers.update(name(), { restartPolicy: policy() }),
    () => containers.top(name()),
    async () => {
      const execId = await containers.createExec(name(), { command: ["true"], attachStdout: true });
      const session = await containers.startExec(execId);
      for await (const _ of session?.output ?? []);
    },
    async () => {
      for await (const _ of containers.logs(name(), { follow: true, signal: AbortSignal.timeout(100) }));
    },
  ];
  const client = async () => {
    for (let n = 0; n < OPERATIONS; n++)
      await pick(operations)().catch((error: unknown) => {
        const isExpected =
          error instanceof RuntimeError && (EXPECTED.has(error.kind) || EXPECTED_WORDS.test(error.message));
        if (!isExpected) faults.push(error);
      });
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  expect(faults).toEqual([]);
  for (const { id, state } of await containers.list({ all: true })) {
    expect(["created", "running", "paused", "restarting", "exited"]).toContain(state.status);
    await containers.remove(id, { force: true, volumes: true });
  }
  await networks.remove("crowd");
  expect(await runtime.volumes.list()).toEqual([]);
  // What a client left in the middle (a log that is followed, an exec) comes to its end by itself.
  await expect.poll(() => engine.leaked(isOfContainers)).toEqual([]);
});
