import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expandWord } from "../../dockerfile/index.ts";
import { RuntimeError } from "../../index.ts";
import type { PreparedMount } from "../parts.ts";
import { isProxyArg, proxyVariables } from "./build-args.ts";
import type { Step } from "./build-session.ts";
import { layerStep, type StepOutcome } from "./cached-step.ts";
import { type RunCommand, runCommand } from "./run-command.ts";
import { mountKeys, openRunMounts, parseRunMounts, type RunMount } from "./run-mounts.ts";
import { visibleArgs, wordsOf } from "./stage-state.ts";
import type { StepRootfs } from "./step-rootfs.ts";

/** RUN: a command in a container on top of all layers so far. */
export async function runStep(step: Step): Promise<StepOutcome> {
  const { state, session, instruction } = step;
  refusePrivileges(instruction);
  const command = runCommand(step);
  const mounts = parseRunMounts(step);
  const network = networkOf(step);
  const args = visibleArgs(state).filter((pair) => !isProxyArg(pair.slice(0, pair.indexOf("="))));
  const { config } = state;
  return layerStep(step, {
    isRun: true,
    keys: [
      async () => [
        "run",
        command,
        args,
        config.env,
        config.user,
        config.workingDir,
        network,
        session.options.extraHosts,
        await mountKeys(step, mounts),
      ],
    ],
    createdBy: createdBy(command, args),
    perform: (rootfs) => perform(step, rootfs, { command, mounts, network, args }),
  });
}

function createdBy({ command }: RunCommand, args: readonly string[]): string {
  const text = command.join(" ");
  return args.length === 0 ? text : `|${args.length} ${args.join(" ")} ${text}`;
}

function refusePrivileges({ flags }: Step["instruction"]): void {
  const security = flags.find((flag) => flag.name === "security")?.value;
  if (security !== undefined && security !== "sandbox")
    throw new RuntimeError("forbidden", `security.${security} is not allowed`);
  if (flags.some((flag) => flag.name === "device"))
    throw new RuntimeError("unsupported", "RUN --device is not supported: build steps get no devices");
}

function networkOf({ instruction, state, session }: Step): string | undefined {
  const text = instruction.flags.find((flag) => flag.name === "network")?.value;
  const network = text === undefined ? "default" : expandWord(text, wordsOf(state, session.file.escapeChar));
  if (network === "default") return session.options.networkMode || undefined;
  if (network === "none" || network === "host") return network;
  throw new RuntimeError("invalid", `unsupported network mode "${network}"`);
}

interface Work {
  readonly command: RunCommand;
  readonly mounts: readonly RunMount[];
  readonly network: string | undefined;
  readonly args: readonly string[];
}

async function perform(step: Step, rootfs: StepRootfs, work: Work): Promise<void> {
  const { session } = step;
  await session.builder.commands.add(() =>
    openRunMounts(step, work.mounts, async (open) => {
      const script = await openScript(step, work.command);
      const mounts = [...open.mounts, ...script.mounts];
      const targets = mounts.map((mount) => mount.target);
      try {
        const stubs = await session.trees.run({ kind: "missing", rootDir: rootfs.merged, paths: targets });
        await execute(step, rootfs, { ...work, mounts, env: open.env });
        if (stubs.length > 0)
          await session.trees.run({ kind: "remove-stubs", rootDir: rootfs.merged, paths: stubs });
      } finally {
        await script.close();
      }
    }),
  );
}

async function openScript(
  { session }: Step,
  { script }: RunCommand,
): Promise<{ readonly mounts: readonly PreparedMount[]; close(): Promise<void> }> {
  if (script === undefined) return { mounts: [], close: async () => {} };
  const dir = join(session.builder.layout.temporaryDir, `build-${randomBytes(8).toString("hex")}`);
  await mkdir(dir, { mode: 0o755 });
  await writeFile(join(dir, script.name), script.content, { mode: 0o755 });
  return {
    mounts: [{ type: "bind", source: dir, target: "/dev/pipes", options: ["rbind", "ro"] }],
    close: () => rm(dir, { recursive: true, force: true }),
  };
}

async function execute(
  step: Step,
  rootfs: StepRootfs,
  work: Omit<Work, "mounts"> & { readonly mounts: readonly PreparedMount[]; readonly env: readonly string[] },
): Promise<void> {
  const { session, state } = step;
  const { options, signal } = session;
  const { config } = state;
  const id = randomBytes(6).toString("hex");
  step.print(` ---> Running in ${id}\n`);
  const proxies = proxyVariables(options.buildArgs ?? {});
  const { command } = work.command;
  const code = await session.builder.run({
    rootfsDir: rootfs.merged,
    command,
    // Of equal names the last one counts: an ARG that an ENV hides is not among them.
    env: [...proxies, ...(config.env ?? []), ...work.args, ...work.env],
    ...(config.user === undefined ? {} : { user: config.user }),
    ...(config.workingDir === undefined ? {} : { workingDir: config.workingDir }),
    mounts: work.mounts,
    ...(work.network === undefined ? {} : { networkMode: work.network }),
    ...(options.extraHosts === undefined ? {} : { extraHosts: options.extraHosts }),
    hostname: "buildkitsandbox",
    ...(options.shmSizeBytes === undefined ? {} : { shmSizeBytes: options.shmSizeBytes }),
    ...(options.ulimits === undefined ? {} : { ulimits: options.ulimits }),
    onOutput: ({ data, stream }) => step.printBytes(data, stream),
    signal,
  });
  if (code === 0) step.print(` ---> Removed intermediate container ${id}\n`);
  else
    throw new RuntimeError(
      "invalid",
      `The command '${command.join(" ")}' returned a non-zero code: ${code}`,
      {
        exitCode: code,
      },
    );
}
