import { seconds } from "../globals.ts";
import { stackCommand } from "../stack-command.ts";

export const stop = stackCommand<{ readonly timeout?: number }>({
  summary: "Stop services",
  of: "stored",
  declare: (command) =>
    command.option("-t, --timeout <seconds>", "wait so long for a container to stop", seconds),
  request: (services, { timeout }) => ({
    do: "stop",
    services,
    ...(timeout !== undefined && { timeoutSeconds: timeout }),
  }),
});
