import type { Command } from "commander";
import { DaemonClient, daemonPaths } from "../../daemon/client.ts";
import type { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { probe } from "../ensure-daemon.ts";
import { EXIT } from "../exit-codes.ts";
import { integer } from "../globals.ts";

export const daemonStop: CliCommand = {
  summary: "Stop the daemon; containers go on running unless --containers is given",
  declare: (command: Command) =>
    command
      .option("--containers", "stop every running container first; stacks come back with the next daemon")
      .option("-t, --timeout <seconds>", "wait so long for the daemon's end", integer, 60),
  run: async (
    context: Context,
    _args: readonly string[],
    flags: { readonly containers?: boolean; readonly timeout: number },
  ) => {
    const { socketPath } = daemonPaths(context.io.env, context.io.uid);
    const state = await probe(socketPath);
    if (state === "denied") throw new CliError(`No permission for ${socketPath}`);
    if (state !== "answers") {
      context.note("The daemon is not running");
      return EXIT.ok;
    }
    const client = new DaemonClient(socketPath);
    const { pid } = await client.status();
    await client.stop({ containers: flags.containers === true });
    if (await hasEnded(pid, flags.timeout * 1000)) {
      context.note(`Stopped the daemon (pid ${pid})`);
      return EXIT.ok;
    }
    throw new CliError(`The daemon (pid ${pid}) has not ended within ${flags.timeout} s`);
  },
};

async function hasEnded(pid: number, ms: number): Promise<boolean> {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return false;
}
