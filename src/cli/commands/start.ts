import { seconds } from "../globals.ts";
import { stackCommand } from "../stack-command.ts";

interface Flags {
  readonly wait?: boolean;
  readonly waitTimeout?: number;
}

export const start = stackCommand<Flags>({
  summary: "Start services",
  of: "stored",
  declare: (command) =>
    command
      .option("--wait", "wait until services run and are healthy")
      .option("--wait-timeout <seconds>", "wait no longer than this", seconds),
  request: (services, { wait, waitTimeout }) => ({
    do: "start",
    services,
    ...(wait === true && { wait: true }),
    ...(waitTimeout !== undefined && { wait: true, waitTimeoutMs: waitTimeout * 1000 }),
  }),
});
