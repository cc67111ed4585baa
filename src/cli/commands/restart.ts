import { noFlag, seconds } from "../globals.ts";
import { stackCommand } from "../stack-command.ts";

interface Flags {
  readonly timeout?: number;
  readonly noDeps?: boolean;
}

export const restart = stackCommand<Flags>({
  summary: "Restart services",
  of: "stored",
  declare: (command) =>
    command
      .addOption(noFlag("--no-deps", "leave services that depend on them alone"))
      .option("-t, --timeout <seconds>", "wait so long for a container to stop", seconds),
  request: (services, { timeout, noDeps }) => ({
    do: "restart",
    services,
    ...(timeout !== undefined && { timeoutSeconds: timeout }),
    ...(noDeps === true && { noDeps: true }),
  }),
});
