import { Option } from "commander";
import { stackCommand } from "../stack-command.ts";

interface Flags {
  readonly policy?: "missing" | "always";
  readonly includeDeps?: boolean;
  readonly ignoreBuildable?: boolean;
  readonly ignorePullFailures?: boolean;
  readonly quiet?: boolean;
}

const command = stackCommand<Flags>({
  summary: "Pull images of services",
  of: "file",
  declare: (declared) =>
    declared
      .option("--ignore-buildable", "leave out images that can be built")
      .option("--ignore-pull-failures", "pull what can be pulled")
      .option("--include-deps", "images of services that they depend on too")
      .addOption(new Option("--policy <policy>", "when to pull").choices(["missing", "always"]))
      .option("-q, --quiet", "without progress"),
  request: (services, flags) => ({
    do: "pull",
    services,
    ...(flags.policy !== undefined && { policy: flags.policy }),
    ...(flags.includeDeps === true && { includeDependencies: true }),
    ...(flags.ignoreBuildable === true && { ignoreBuildable: true }),
    ...(flags.ignorePullFailures === true && { ignoreFailures: true }),
  }),
});

export const pull = {
  ...command,
  run: (context: Parameters<typeof command.run>[0], args: readonly string[], flags: Flags) =>
    command.run(flags.quiet === true ? context.with({ progress: "quiet" }) : context, args, flags as never),
};
