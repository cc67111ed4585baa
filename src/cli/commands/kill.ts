import { stackCommand } from "../stack-command.ts";

interface Flags {
  readonly signal: string;
  readonly removeOrphans?: boolean;
}

export const kill = stackCommand<Flags>({
  summary: "Send a signal to containers, SIGKILL unless told otherwise",
  of: "stored",
  declare: (command) =>
    command
      .option("-s, --signal <signal>", "signal to send", "SIGKILL")
      .option("--remove-orphans", "remove containers of services that the files do not declare"),
  request: (services, { signal, removeOrphans }) => ({
    do: "kill",
    services,
    signal,
    ...(removeOrphans === true && { removeOrphans: true }),
  }),
});
