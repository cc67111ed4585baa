import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerRuntime, ContainerStats, ContainerSummary } from "../runtime/index.ts";
import { ExitWith } from "./cli-error.ts";
import type { Context } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { interruptSignal } from "./interrupt.ts";
import { goJson } from "./render/go-json.ts";
import { renderTable } from "./render/table.ts";
import { binarySize, humanSize } from "./render/units.ts";

export interface StatsFlags {
  readonly format: string;
  readonly stream: boolean;
  readonly trunc: boolean;
}

const PERIOD_MS = 1000;
const COLUMNS: Readonly<Record<string, string>> = {
  ID: "CONTAINER ID",
  Name: "NAME",
  CPUPerc: "CPU %",
  MemUsage: "MEM USAGE / LIMIT",
  MemPerc: "MEM %",
  NetIO: "NET I/O",
  BlockIO: "BLOCK I/O",
  PIDs: "PIDS",
};

/** What containers use, once or again and again until interrupted; a terminal is redrawn in place. */
export async function showStats(
  context: Context,
  runtime: ContainerRuntime,
  flags: StatsFlags,
  containers: () => Promise<readonly ContainerSummary[]>,
): Promise<void> {
  if (!flags.stream) {
    context.print(await render(await sampleAll(runtime, await containers(), flags), flags));
    return;
  }
  const interrupt = interruptSignal();
  const isRedrawn = context.io.stdout.isTTY === true && flags.format === "table";
  while (!interrupt.signal.aborted) {
    const begun = Date.now();
    const text = await render(await sampleAll(runtime, await containers(), flags), flags);
    context.print(isRedrawn ? `\u001b[H\u001b[2J${text}` : text);
    await sleep(Math.max(0, begun + PERIOD_MS - Date.now()), undefined, { signal: interrupt.signal }).catch(
      () => {},
    );
  }
  throw new ExitWith(EXIT.interrupted);
}

type Row = Readonly<Record<string, string>>;

async function sampleAll(
  runtime: ContainerRuntime,
  containers: readonly ContainerSummary[],
  flags: StatsFlags,
): Promise<readonly Row[]> {
  return Promise.all(
    containers.map(async (summary) => {
      for await (const sample of runtime.containers.stats(summary.id, { stream: false })) {
        return rowOf(summary, sample, flags);
      }
      return rowOf(summary, undefined, flags);
    }),
  );
}

function rowOf(
  { id, name }: ContainerSummary,
  sample: ContainerStats | undefined,
  { trunc }: StatsFlags,
): Row {
  const memory = sample === undefined ? 0 : usedMemory(sample);
  const limit = sample?.memory.limitBytes ?? 0;
  const networks = Object.values(sample?.networks ?? {});
  const blocks = (op: string) =>
    (sample?.blockIo ?? [])
      .filter((entry) => entry.op.toLowerCase() === op)
      .reduce((sum, { value }) => sum + value, 0);
  const sum = (pick: (one: (typeof networks)[number]) => number) =>
    networks.reduce((total, one) => total + pick(one), 0);
  return {
    BlockIO: `${humanSize(blocks("read"), 3)} / ${humanSize(blocks("write"), 3)}`,
    CPUPerc: `${cpuPercent(sample).toFixed(2)}%`,
    Container: id,
    ID: trunc ? id.slice(0, 12) : id,
    MemPerc: `${(limit === 0 ? 0 : (memory / limit) * 100).toFixed(2)}%`,
    MemUsage: `${binarySize(memory)} / ${binarySize(limit)}`,
    Name: name,
    NetIO: `${humanSize(
      sum(({ rxBytes }) => rxBytes),
      3,
    )} / ${humanSize(
      sum(({ txBytes }) => txBytes),
      3,
    )}`,
    PIDs: String(sample?.pids ?? 0),
  };
}

/** Without the page cache that the kernel can take back, as docker's client counts. */
function usedMemory({ memory }: ContainerStats): number {
  const cache = memory.stats["total_inactive_file"] ?? memory.stats["inactive_file"] ?? 0;
  return memory.usageBytes > cache ? memory.usageBytes - cache : memory.usageBytes;
}

function cpuPercent(sample: ContainerStats | undefined): number {
  if (sample?.previousCpu === undefined) return 0;
  const used = sample.cpu.totalNs - sample.previousCpu.totalNs;
  const whole = sample.cpu.systemNs - sample.previousCpu.systemNs;
  return used <= 0 || whole <= 0 ? 0 : (used / whole) * sample.cpu.onlineCpus * 100;
}

async function render(rows: readonly Row[], { format }: StatsFlags): Promise<string> {
  if (format === "json") return rows.map((row) => `${goJson(row)}\n`).join("");
  if (format === "table") {
    return renderTable(
      Object.values(COLUMNS),
      rows.map((row) => Object.keys(COLUMNS).map((key) => row[key] ?? "")),
    );
  }
  const { renderFormat } = await import("./render/go-template.ts");
  return renderFormat(format, rows, COLUMNS);
}
