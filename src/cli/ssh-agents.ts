import { resolve } from "node:path";
import type { SshKey, Stack } from "../spec/index.ts";
import { CliError, usageError } from "./cli-error.ts";
import type { Context } from "./context.ts";

/** Of `--ssh default` and `--ssh id=socket`: the engine runs on this machine and can open them. */
export function sshKeys(words: readonly string[], { io }: Context): readonly SshKey[] {
  return words.map((word) => {
    const [id = "", ...rest] = word.split("=");
    if (rest.length > 0 && id !== "") return { id, path: resolve(io.cwd, rest.join("=")) };
    if (word !== "default") throw usageError(`Cannot use --ssh ${word}: it must be "default" or id=socket`);
    return { id, ...agentOf(io.env) };
  });
}

/** As `sshKeys`, of a build that no stack declares. */
export function sshSockets(words: readonly string[], context: Context): Readonly<Record<string, string>> {
  return Object.fromEntries(
    sshKeys(words, context).map(({ id, path }) => {
      if (path !== undefined) return [id, path];
      throw new CliError(`Cannot forward SSH agent "${id}": SSH_AUTH_SOCK does not name one`, {
        hint: 'eval "$(ssh-agent)" starts one, ssh-add gives it your key',
      });
    }),
  );
}

/** `build.ssh: [default]` is the agent of who asks, which only this process knows. */
export function withSshAgents(stack: Stack, { io }: Context): Stack {
  const needsAgent = (name: string) =>
    stack.services[name]?.build?.ssh?.some(({ path }) => path === undefined) === true;
  const names = Object.keys(stack.services).filter(needsAgent);
  if (names.length === 0) return stack;
  const services = { ...stack.services };
  for (const name of names) {
    const service = services[name];
    if (service?.build === undefined) continue;
    const ssh = service.build.ssh?.map((key) =>
      key.path === undefined ? { ...key, ...agentOf(io.env) } : key,
    );
    services[name] = { ...service, build: { ...service.build, ...(ssh !== undefined && { ssh }) } };
  }
  return { ...stack, services };
}

function agentOf(env: Context["io"]["env"]): Pick<SshKey, "path"> {
  const path = env["SSH_AUTH_SOCK"];
  return path === undefined || path === "" ? {} : { path };
}
