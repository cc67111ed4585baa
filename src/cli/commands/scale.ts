import { noFlag } from "../globals.ts";
import { stackCommand } from "../stack-command.ts";
import { scales, upRequest } from "../up-request.ts";

export const scale = stackCommand<{ readonly noDeps?: boolean }>({
  usage: "<service=number...>",
  summary: "Set the number of replicas",
  of: "file",
  declare: (command) => command.addOption(noFlag("--no-deps", "leave dependencies alone")),
  request: (pairs, { noDeps }, { io }) =>
    upRequest(Object.keys(scales(pairs)), { scale: pairs, ...(noDeps === true && { noDeps }) }, io),
});
