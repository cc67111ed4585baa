import type { Command } from "commander";
import { LABEL } from "../../planner/index.ts";
import type { RuntimeEvent } from "../../runtime/index.ts";
import type { CliCommand } from "../cli-command.ts";
import { ExitWith } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { isCancelled } from "../follow-stack.ts";
import { interruptSignal } from "../interrupt.ts";
import { projectName } from "../project.ts";
import { goJson } from "../render/go-json.ts";
import { nanoTime } from "../render/nano-time.ts";
import { momentNs } from "../time-option.ts";

interface Flags {
  readonly json?: boolean;
  readonly since?: string;
  readonly until?: string;
}

export const events: CliCommand = {
  usage: "[services...]",
  summary: "Receive events of a stack's containers as they happen",
  declare: (command: Command) =>
    command
      .option("--json", "one JSON object a line")
      .option("--since <time>", "from this time, or so long ago")
      .option("--until <time>", "up to this time"),
  run: async (context: Context, services: readonly string[], flags: Flags) => {
    const { name } = await projectName(context);
    const runtime = await context.runtime();
    const interrupt = interruptSignal();
    const nowMs = Date.now();
    const stream = runtime.events(
      {
        filters: { type: ["container"], label: [`${LABEL.project}=${name}`] },
        ...(flags.since !== undefined && { sinceNs: momentNs(flags.since, nowMs) }),
        ...(flags.until !== undefined && { untilNs: momentNs(flags.until, nowMs) }),
      },
      interrupt.signal,
    );
    try {
      for await (const event of stream) {
        const service = event.attributes[LABEL.service] ?? "";
        if (services.length > 0 && !services.includes(service)) continue;
        context.printLine(flags.json === true ? asJson(event, service) : asText(event));
      }
    } catch (error) {
      if (!isCancelled(error)) throw error;
    }
    if (interrupt.signal.aborted) throw new ExitWith(EXIT.interrupted);
  },
};

/** Compose's own labels and ours are bookkeeping, not the reader's business. */
function attributesOf(event: RuntimeEvent): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(event.attributes)
      .filter(([key]) => !key.startsWith("com.docker.compose.") && !key.startsWith("stowage."))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function asJson(event: RuntimeEvent, service: string): string {
  return goJson({
    action: event.action,
    attributes: attributesOf(event),
    id: event.id,
    service,
    time: nanoTime(event.timeNs),
    type: event.type,
  });
}

function asText(event: RuntimeEvent): string {
  const attributes = Object.entries(attributesOf(event)).map(([key, value]) => `${key}=${value}`);
  const time = nanoTime(event.timeNs).replace("T", " ").slice(0, 26);
  return `${time} container ${event.action} ${event.id} (${attributes.join(", ")})`;
}
