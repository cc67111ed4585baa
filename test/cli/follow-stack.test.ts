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

it("a stack that is left is read to the end where it has ended, however late that comes, and no further", async () => {
  const runtime = openMemoryRuntime({ images: { "busybox:1": {} } });
  const ended = await start(runtime, "job", "echo the end");
  await runtime.containers.wait(ended);
  await start(runtime, "web", "echo ready; sleep 1000");
  let text = "";
  const write = (data: string | Uint8Array) => {
    text += Buffer.from(data).toString();
    return true;
  };
  let goOn = () => {};
  const isReleased = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const logs: typeof runtime.containers.logs = async function* (id, options) {
    if (id === ended) await isReleased;
    yield* runtime.containers.logs(id, options);
  };
  const containers = new Proxy(runtime.containers, {
    get: (target, key) => (key === "logs" ? logs : Reflect.get(target, key)),
  });
  const last = new AbortController();
  const following = followStack({
    runtime: { ...runtime, containers },
    stackName: "shop",
    lines: new LogLines({
      stdout: { write },
      stderr: { write },
      isColoured: false,
      hasPrefix: true,
      hasTimestamps: false,
    }),
    signal: new AbortController().signal,
    options: {},
    last: last.signal,
  });
  await until(() => text.includes("ready"));
  last.abort();
  goOn();
  await following;
  expect(text.split("\n").sort()).toEqual(["", "job-1  | the end", "web-1  | ready"]);
});
