import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { attachedUp } from "../../src/cli/attached-up.ts";
import { Context } from "../../src/cli/context.ts";
import { LocalStacks } from "../../src/cli/local-stacks.ts";
import { openMemoryRuntime } from "../../src/runtime/memory/index.ts";
import type { Stack } from "../../src/spec/index.ts";
import { needs, stackOf } from "../planner/stack-builder.ts";
import { until } from "../support/until.ts";

const FLAGS = { attach: [], noAttach: [] };

function shop(dbImage: string): Stack {
  return stackOf({
    db: { image: dbImage, command: ["sleep", "1000"], stop_signal: "SIGKILL" },
    web: {
      image: "busybox:1",
      stop_signal: "SIGKILL",
      command: ["sh", "-c", "echo ready; sleep 1000"],
      depends_on: needs("db", "service_started", { restart: true }),
    },
  });
}

it("a container that the pass only restarts ends the session when it ends by itself, and not before", async () => {
  const runtime = openMemoryRuntime({ images: { "busybox:1": {}, "busybox:2": {} } });
  const stacks = new LocalStacks(runtime, {});
  await stacks.ask({ stackName: "shop", stack: shop("busybox:1"), request: { do: "up" } });
  const said = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({
    write: (data: string | Uint8Array) => {
      said[name] += Buffer.from(data).toString();
      return true;
    },
  });
  const streams = { stdin: Readable.from([]), stdout: output("stdout"), stderr: output("stderr") };
  const context = new Context(
    { env: {}, cwd: "/", uid: 0, ...streams },
    { file: [], envFile: [], profile: [], runtime: "memory" },
    { runtime: Promise.resolve(runtime), stacks: Promise.resolve(stacks) },
  );
  const web = await runtime.containers.inspect("shop-web-1");
  const up = attachedUp(context, {
    stack: shop("busybox:2"),
    placeOf: () => undefined,
    request: { do: "up" },
    flags: { ...FLAGS, exitCodeFrom: "web" },
  });
  await until(() => said.stdout.includes("web-1  | ready"));
  expect((await runtime.containers.inspect("shop-web-1")).id).toBe(web.id);
  expect(said.stdout + said.stderr).not.toMatch(/exited with code|Aborting/);
  await runtime.containers.kill(web.id);
  expect(await up).toBe(137);
  expect(said.stdout).toContain("web-1 exited with code 137");
  expect(said.stderr).toContain("Aborting on container exit...");
});
