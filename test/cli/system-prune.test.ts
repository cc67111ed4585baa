import { Readable } from "node:stream";
import { expect, it, vi } from "vitest";
import type { CliCommand } from "../../src/cli/cli-command.ts";
import { system } from "../../src/cli/commands/system.ts";
import { Context } from "../../src/cli/context.ts";
import { openMemoryRuntime } from "../../src/runtime/memory/index.ts";
import { runCli } from "./support.ts";

it("system prune takes of the build cache, too, only what is older than until says", async () => {
  const runtime = openMemoryRuntime();
  const pruned = vi.spyOn(runtime, "pruneBuildCache");
  const output = { write: () => true };
  const context = new Context(
    { env: {}, cwd: "/", uid: 0, stdin: Readable.from([]), stdout: output, stderr: output },
    { file: [], envFile: [], profile: [], runtime: "memory" },
    { runtime: Promise.resolve(runtime) },
  );
  const prune = (await system.commands["prune"]?.load()) as CliCommand;
  await prune.run(context, [], { force: true, filter: ["until=24h", "label=a"] } as never);
  expect(pruned).toHaveBeenCalledWith({ all: false, filters: { until: ["24h"] } });
});

it("system prune takes no until with --volumes, and says so before it asks", async () => {
  const told = await runCli(["system", "prune", "--volumes", "--filter", "until=24h"]);
  expect(told).toEqual({
    code: 16,
    stdout: "",
    stderr: 'stowage: The "until" filter is not supported with "--volumes"\n',
  });
});
