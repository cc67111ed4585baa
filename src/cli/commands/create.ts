import type { CliCommand } from "../cli-command.ts";
import { stackCommand } from "../stack-command.ts";
import { type CreateFlags, declareCreateFlags, upRequest } from "../up-request.ts";

export const create: CliCommand = stackCommand<CreateFlags>({
  summary: "Create containers without starting them",
  of: "file",
  declare: declareCreateFlags,
  request: (services, flags, { io }) => upRequest(services, { ...flags, noStart: true }, io),
});
