import { createInterface } from "node:readline";
import { textLog } from "../../src/lib/log.ts";
import { openEngine } from "../../src/runtime/engine/index.ts";
import { type Fault, FaultPoints } from "./fault-points.ts";

/**
 * An engine in a process of its own that takes calls as JSON lines: `{id, path: ["containers","start"], args}`. With a
 * third argument a fault happens to it; `["faults","count"]` tells how many effects there were, and `["end",""]` takes how it is closed.
 */
const [rootDir = "", runDir = "", fault] = process.argv.slice(2);
const log = textLog((line) => process.stderr.write(line), "warn");
const runtime = await openEngine({ rootDir, runDir, log });
const faults = fault === undefined ? undefined : new FaultPoints(JSON.parse(fault) as Fault);
const end: { endsContainers?: boolean } = {};
const say = (message: unknown) => process.stdout.write(`${JSON.stringify(message)}\n`);

say({ event: "ready" });
for await (const line of createInterface({ input: process.stdin })) {
  const { id, path, args } = JSON.parse(line) as {
    id: number;
    path: [keyof typeof runtime | "faults" | "end", string];
    args: unknown[];
  };
  void answer(id, path, args);
}
await runtime.close(end);

async function answer(
  id: number,
  [part, method]: [keyof typeof runtime | "faults" | "end", string],
  args: unknown[],
): Promise<unknown> {
  try {
    if (part === "faults") return say({ id, value: faults?.count });
    if (part === "end") return say({ id, value: Object.assign(end, ...args) });
    const target = runtime[part] as unknown as Record<string, (...args: unknown[]) => unknown>;
    const value = await target[method]?.(...args);
    say({ id, value });
  } catch (error) {
    say({ id, error: error instanceof Error ? error.message : String(error) });
  }
}
