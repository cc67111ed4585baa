import { Option } from "commander";
import { seconds } from "../globals.ts";
import { stackCommand } from "../stack-command.ts";
import { isOn } from "../up-request.ts";

interface Flags {
  readonly volumes?: boolean;
  readonly rmi?: "local" | "all";
  readonly removeOrphans?: boolean;
  readonly timeout?: number;
}

export const down = stackCommand<Flags>({
  summary: "Stop and remove containers and networks",
  of: "stored",
  declare: (command) =>
    command
      .option(
        "-v, --volumes",
        "remove named volumes that the files declare, and anonymous ones of its containers",
      )
      .addOption(new Option("--rmi <which>", "remove images too").choices(["local", "all"]))
      .option("--remove-orphans", "remove containers of services that the files do not declare")
      .option("-t, --timeout <seconds>", "wait so long for a container to stop", seconds),
  request: (services, flags, { io }) => ({
    do: "down",
    ...(services.length > 0 && { services }),
    ...(flags.volumes === true && { removeVolumes: true }),
    ...(flags.rmi !== undefined && { removeImages: flags.rmi }),
    ...((flags.removeOrphans ?? isOn(io.env["COMPOSE_REMOVE_ORPHANS"])) && { removeOrphans: true }),
    ...(flags.timeout !== undefined && { timeoutSeconds: flags.timeout }),
  }),
});
