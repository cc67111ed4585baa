import { expect, it } from "vitest";
import { followStack } from "../../src/cli/follow-stack.ts";
import { LogLines } from "../../src/cli/render/log-lines.ts";
import { LABEL } from "../../src/planner/index.ts";
import type { ContainerRuntime } from "../../src/runtime/index.ts";
import { openMemoryRuntime } from "../../src/runtime/memory/index.ts";
import { until } from "../support/until.ts";

async function start({ containers }: ContainerRuntime, service: string, script: string): Promise<string> {
  const labels = { [LABEL.project]: "shop", [LABEL.service]: service, [LABEL.number]: "1" };
  const command = ["sh", "-c", script];
  const spec = { image: "busybox:1", command, labels };
  const { id } = await containers.create(spec, { name: `shop-${service}-1` });
  await containers.start(id);
  return id;
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
  let inspections = 0;
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
      // The second look after its end is the one for its exit code.
      inspect: async (id, options) => {
        if (id === job && ++inspections === 2) {
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
