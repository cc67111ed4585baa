import { expect, it } from "vitest";
import { followStack } from "../../src/cli/follow-stack.ts";
import { LogLines } from "../../src/cli/render/log-lines.ts";
import { LABEL } from "../../src/planner/index.ts";
import {
  type ContainerRuntime,
  type ContainerSpec,
  type LogOptions,
  RuntimeError,
} from "../../src/runtime/index.ts";
import { openMemoryRuntime } from "../../src/runtime/memory/index.ts";
import { until } from "../support/until.ts";

function specOf(service: string, script: string, more: Readonly<Record<string, string>> = {}): ContainerSpec {
  const labels = { [LABEL.project]: "shop", [LABEL.service]: service, [LABEL.number]: "1", ...more };
  return { image: "busybox:1", command: ["sh", "-c", script], labels };
}

async function start({ containers }: ContainerRuntime, service: string, script: string): Promise<string> {
  const { id } = await containers.create(specOf(service, script), { name: `shop-${service}-1` });
  await containers.start(id);
  return id;
}

/** A container made to take the place of a service's first, under its temporary name. */
async function replacement(
  { containers }: ContainerRuntime,
  service: string,
  script: string,
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const spec = specOf(service, script, { [LABEL.replace]: `${service}-1`, ...more });
  return (await containers.create(spec)).id;
}

/** Of the service `web`. */
function follow(
  runtime: ContainerRuntime,
  lines: LogLines,
  onEnd: (id: string) => void = () => {},
  notBefore?: Promise<unknown>,
): Promise<void> {
  return followStack({
    runtime,
    stackName: "shop",
    services: ["web"],
    lines,
    signal: new AbortController().signal,
    options: {},
    warn: () => {},
    onEnd: ({ summary }) => onEnd(summary.id),
    ...(notBefore !== undefined && { notBefore }),
  });
}

/** The runtime with some operations of its containers done otherwise. */
function withContainers(
  runtime: ContainerRuntime,
  otherwise: Partial<ContainerRuntime["containers"]>,
): ContainerRuntime {
  const containers = new Proxy(runtime.containers, {
    get: (target, key) => Reflect.get(key in otherwise ? otherwise : target, key),
  });
  return { ...runtime, containers };
}

function gate(): { readonly isOpen: Promise<void>; readonly open: () => void } {
  let open = () => {};
  const isOpen = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { isOpen, open: () => open() };
}

function collect(): { readonly lines: LogLines; readonly text: () => string } {
  let text = "";
  const write = (data: string | Uint8Array) => {
    text += Buffer.from(data).toString();
    return true;
  };
  const sinks = { stdout: { write }, stderr: { write } };
  const lines = new LogLines({ ...sinks, isColoured: false, hasPrefix: true, hasTimestamps: false });
  return { lines, text: () => text };
}

it("a stack that is left is read to the end where it has ended, however late that comes, and no further", async () => {
  const runtime = openMemoryRuntime({ images: { "busybox:1": {} } });
  const ended = await start(runtime, "job", "echo the end");
  await runtime.containers.wait(ended);
  await start(runtime, "web", "echo ready; sleep 1000");
  const { lines, text } = collect();
  const late = gate();
  const last = new AbortController();
  const following = followStack({
    runtime: withContainers(runtime, {
      async *logs(id, options) {
        if (id === ended) await late.isOpen;
        yield* runtime.containers.logs(id, options);
      },
    }),
    stackName: "shop",
    lines,
    signal: new AbortController().signal,
    options: {},
    warn: () => {},
    last: last.signal,
  });
  await until(() => text().includes("ready"));
  last.abort();
  late.open();
  await following;
  expect(text().split("\n").sort()).toEqual(["", "job-1  | the end", "web-1  | ready"]);
});

it("following goes on until the last end is told, whatever else is left meanwhile", async () => {
  const runtime = openMemoryRuntime({ images: { "busybox:1": {} } });
  const job = await start(runtime, "job", "echo working; sleep 1000");
  const web = await start(runtime, "web", "echo ready; sleep 1000");
  const { lines, text } = collect();
  const isAsked = gate();
  const isWebLeft = gate();
  const mayAnswer = gate();
  const last = new AbortController();
  const told: string[] = [];
  const following = followStack({
    runtime: withContainers(runtime, {
      async *logs(id, options) {
        try {
          yield* runtime.containers.logs(id, options);
        } finally {
          if (id === web) isWebLeft.open();
        }
      },
      // The look after its end is for its exit code.
      inspect: async (id, options) => {
        if (id === job) {
          isAsked.open();
          await mayAnswer.isOpen;
        }
        return runtime.containers.inspect(id, options);
      },
    }),
    stackName: "shop",
    lines,
    signal: new AbortController().signal,
    options: {},
    warn: () => {},
    last: last.signal,
    onEnd: ({ summary }) => told.push(summary.name),
  });
  const toldAtEnd = following.then(() => [...told]);
  await until(() => text().includes("working") && text().includes("ready"));
  await runtime.containers.kill(job);
  await isAsked.isOpen;
  last.abort();
  await isWebLeft.isOpen;
  await new Promise(setImmediate);
  mayAnswer.open();
  expect(await toldAtEnd).toEqual(["shop-job-1"]);
});

it("following goes on while a container is replaced, and ends with the one in its place", async () => {
  const runtime = openMemoryRuntime({ images: { "busybox:1": {} } });
  const { containers } = runtime;
  const old = await start(runtime, "web", "echo old; sleep 1000");
  const { lines, text } = collect();
  const told: string[] = [];
  const following = follow(runtime, lines, (id) => told.push(id));
  await until(() => text().includes("old"));
  const place = await replacement(runtime, "web", "echo new; sleep 1000");
  await containers.kill(old);
  await until(() => told.includes(old));
  await containers.remove(old);
  await containers.rename(place, "shop-web-1");
  await new Promise(setImmediate);
  await containers.start(place);
  await until(() => text().includes("new"));
  await containers.kill(place);
  await following;
  expect(told).toEqual([old, place]);
  expect(text()).toBe("web-1  | old\nweb-1  | new\n");
});

it("a container that waits for its place when following begins is waited for, until it is removed", async () => {
  const runtime = openMemoryRuntime({ images: { "busybox:1": {} } });
  const place = await replacement(runtime, "web", "echo new");
  const { lines } = collect();
  let hasEnded = false;
  const following = follow(runtime, lines).then(() => {
    hasEnded = true;
  });
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect(hasEnded).toBe(false);
  await runtime.containers.remove(place);
  await following;
});

it("following waits for no container that was only made, nor for one of another service or of a run", async () => {
  const runtime = openMemoryRuntime({ images: { "busybox:1": {} } });
  const { containers } = runtime;
  const web = await start(runtime, "web", "echo ready; sleep 1000");
  const { lines, text } = collect();
  const following = follow(runtime, lines);
  await until(() => text().includes("ready"));
  await containers.create(specOf("web", "echo two"), { name: "shop-web-2" });
  await replacement(runtime, "job", "echo job");
  await replacement(runtime, "web", "echo once", { [LABEL.oneoff]: "True" });
  await containers.kill(web);
  await following;
  expect(text()).toBe("web-1  | ready\n");
});

it("what the pass that it waits for has left unstarted does not keep it", async () => {
  const runtime = openMemoryRuntime({ images: { "busybox:1": {} } });
  const { lines } = collect();
  const isUp = gate();
  const following = follow(runtime, lines, undefined, isUp.isOpen);
  await replacement(runtime, "web", "echo new");
  await new Promise(setImmediate);
  isUp.open();
  await following;
});

it("an end is told with its own exit code, though the container is started again right after the look at it", async () => {
  const runtime = openMemoryRuntime({ images: { "busybox:1": {} } });
  const { containers } = runtime;
  const web = await start(runtime, "web", "echo ready; sleep 1000");
  const { lines, text } = collect();
  const codes: number[] = [];
  let looks = 0;
  const end = new AbortController();
  const following = followStack({
    runtime: withContainers(runtime, {
      inspect: async (id, options) => {
        if (++looks === 2) await containers.start(id);
        return containers.inspect(id, options);
      },
    }),
    stackName: "shop",
    lines,
    signal: end.signal,
    options: {},
    warn: () => {},
    onEnd: (_container, code) => codes.push(code),
  });
  await until(() => text().includes("ready"));
  await containers.kill(web);
  await until(() => codes.length > 0);
  expect(codes).toEqual([137]);
  end.abort();
  await following;
});

it("what was said before the time asked for stays unsaid when a silent container is started again", async () => {
  const runtime = openMemoryRuntime({ images: { "busybox:1": {} } });
  const { containers } = runtime;
  const web = await start(runtime, "web", "echo ready; sleep 1000");
  const job = await start(runtime, "job", "sleep 1000");
  let saidNs: bigint | undefined;
  await until(async () => {
    for await (const { timesNs } of containers.logs(web, { timestamps: true })) saidNs = timesNs?.at(-1);
    return saidNs !== undefined;
  });
  const { lines, text } = collect();
  const ended: string[] = [];
  const following = followStack({
    runtime,
    stackName: "shop",
    lines,
    signal: new AbortController().signal,
    options: { sinceNs: (saidNs ?? 0n) + 1n },
    warn: () => {},
    onEnd: ({ summary }) => ended.push(summary.id),
  });
  await new Promise(setImmediate);
  await containers.kill(web);
  await until(() => ended.includes(web));
  await containers.start(web);
  await until(() => text().includes("ready"));
  await containers.kill(web);
  await containers.kill(job);
  await following;
  expect(text()).toBe("web-1  | ready\n");
});

it("a container whose output no driver keeps is said once, and its end told; the others go on", async () => {
  const runtime = openMemoryRuntime({ images: { "busybox:1": {} } });
  const { containers } = runtime;
  const web = await start(runtime, "web", "sleep 1000");
  const job = await start(runtime, "job", "echo working; sleep 1000");
  const { lines, text } = collect();
  const warnings: string[] = [];
  const ended: string[] = [];
  const following = followStack({
    runtime: withContainers(runtime, {
      async *logs(id, options) {
        if (id === web) throw new RuntimeError("unsupported", "cannot be read");
        yield* containers.logs(id, options);
      },
    }),
    stackName: "shop",
    lines,
    signal: new AbortController().signal,
    options: {},
    warn: (message) => warnings.push(message),
    onEnd: ({ summary }) => ended.push(summary.name),
  });
  await until(() => text().includes("working"));
  for (let run = 1; run <= 2; run++) {
    await containers.kill(web);
    await until(() => ended.length === run);
    if (run === 1) await containers.start(web);
  }
  await containers.kill(job);
  await following;
  expect(warnings).toEqual(["warning: Cannot show the output of shop-web-1: cannot be read"]);
  expect(ended).toEqual(["shop-web-1", "shop-web-1", "shop-job-1"]);
});

it("an error of the engine ends it, and is its own", async () => {
  const runtime = openMemoryRuntime({ images: { "busybox:1": {} } });
  await start(runtime, "web", "sleep 1000");
  const broken = withContainers(runtime, {
    // biome-ignore lint/correctness/useYield: it fails before
    async *logs() {
      throw new RuntimeError("internal", "no more");
    },
  });
  await expect(follow(broken, collect().lines)).rejects.toThrow("no more");
});

it.each(["running", "exited"])(
  "a container that was %s and silent is shown from its next start on",
  async (state) => {
    const runtime = openMemoryRuntime({ images: { "busybox:1": {} } });
    const { containers } = runtime;
    await start(runtime, "job", "sleep 1000");
    const web = await start(runtime, "web", "echo ready; sleep 1000");
    await until(async () => {
      for await (const _ of containers.logs(web)) return true;
      return false;
    });
    if (state === "exited") await containers.kill(web);
    const { lines, text } = collect();
    const asked: LogOptions[] = [];
    const end = new AbortController();
    const following = followStack({
      runtime: withContainers(runtime, {
        logs: (id, options = {}) => {
          if (id === web) asked.push(options);
          return containers.logs(id, options);
        },
      }),
      stackName: "shop",
      lines,
      signal: end.signal,
      options: { tail: 0 },
      warn: () => {},
    });
    await until(() => asked.length === 1);
    if (state === "running") await containers.kill(web);
    // Another millisecond than the one of the first word.
    await new Promise((resolve) => setTimeout(resolve, 5));
    await containers.start(web);
    await until(() => asked.length === 2 && text() !== "");
    end.abort();
    await following;
    expect(text()).toBe("web-1  | ready\n");
  },
);

it("what is followed up to a time ends with it, whatever runs on, also after another start", async () => {
  const runtime = openMemoryRuntime({ images: { "busybox:1": {} } });
  const { containers } = runtime;
  const web = await start(runtime, "web", "echo ready; sleep 1000");
  await start(runtime, "job", "sleep 1000");
  const { lines, text } = collect();
  const untilNs = BigInt(Date.now() + 1_000) * 1_000_000n;
  const following = followStack({
    runtime: withContainers(runtime, {
      // As dockerd, which ends at the time.
      logs: (id, options = {}) => {
        const leftMs = Number((options.untilNs ?? 0n) / 1_000_000n) - Date.now();
        const time = AbortSignal.timeout(Math.max(0, leftMs));
        return containers.logs(id, { ...options, signal: AbortSignal.any([time, options.signal ?? time]) });
      },
    }),
    stackName: "shop",
    lines,
    signal: new AbortController().signal,
    options: { untilNs },
    warn: () => {},
  });
  await until(() => text().includes("ready"));
  await containers.kill(web);
  await containers.start(web);
  await following;
  expect(BigInt(Date.now()) * 1_000_000n).toBeGreaterThanOrEqual(untilNs);
});
