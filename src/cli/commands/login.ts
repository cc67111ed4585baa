import type { Command } from "commander";
import { credentialsFor, eraseCredentials, registryNamed, storeCredentials } from "../../daemon/client.ts";
import type { CliCommand } from "../cli-command.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { ask, askSecret } from "../prompt.ts";

interface Flags {
  readonly username?: string;
  readonly password?: string;
  readonly passwordStdin?: boolean;
}

export const login: CliCommand = {
  usage: "[registry]",
  summary: "Log in to a registry; kept where the docker client keeps it",
  declare: (command: Command) =>
    command
      .option("-u, --username <name>", "user's name")
      .option("-p, --password <password>", "password; others can see it in the process list")
      .option("--password-stdin", "read the password from stdin"),
  run: async (context: Context, [registry]: readonly string[], flags: Flags) => {
    if (flags.password !== undefined && flags.passwordStdin === true) {
      throw usageError("--password and --password-stdin are incompatible");
    }
    const serverAddress = registryNamed(registry);
    const { username, password } = await identity(context, serverAddress, flags);
    const runtime = await context.runtime();
    const { status, identityToken } = await runtime.images.login({ username, password, serverAddress });
    const place = await storeCredentials(
      { username, password, serverAddress, ...(identityToken && { identityToken }) },
      context.io.env,
    );
    context.note(`Kept in ${place}`);
    context.printLine(status === "" ? "Login Succeeded" : status);
  },
};

export const logout: CliCommand = {
  usage: "[registry]",
  summary: "Forget a registry's credentials",
  declare: () => {},
  run: async (context: Context, [registry]: readonly string[]) => {
    const name = registryNamed(registry);
    const wasThere = await eraseCredentials(name, context.io.env);
    context.printLine(wasThere ? `Removing login credentials for ${name}` : `Not logged in to ${name}`);
  },
};

async function identity(
  context: Context,
  registry: string,
  flags: Flags,
): Promise<{ readonly username: string; readonly password: string }> {
  if (flags.passwordStdin === true) {
    if (flags.username === undefined) throw usageError("--password-stdin needs --username");
    return { username: flags.username, password: (await ask(context, "")).trimEnd() };
  }
  if (flags.username !== undefined && flags.password !== undefined) {
    return { username: flags.username, password: flags.password };
  }
  const known = await credentialsFor(`${registry}/x`, context.io.env);
  const username =
    flags.username ??
    ((await ask(context, `Username${known?.username === undefined ? "" : ` (${known.username})`}: `)) ||
      known?.username);
  if (username === undefined || username === "") throw new CliError("A login needs a user's name");
  const password = flags.password ?? (await askSecret(context, "Password: "));
  if (password === "") throw new CliError("A login needs a password");
  return { username, password };
}
