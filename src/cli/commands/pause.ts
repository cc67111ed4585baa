import { stackCommand } from "../stack-command.ts";

export const pause = stackCommand({
  summary: "Pause services",
  of: "stored",
  declare: () => {},
  request: (services) => ({ do: "pause", services }),
});

export const unpause = stackCommand({
  summary: "Unpause services",
  of: "stored",
  declare: () => {},
  request: (services) => ({ do: "unpause", services }),
});
