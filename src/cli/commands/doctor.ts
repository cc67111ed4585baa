import type { Command } from "commander";
import { daemonPaths } from "../../daemon/client.ts";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { type Check, type Finding, findInstaller } from "../doctor/check.ts";
import { checkPorts } from "../doctor/files.ts";
import { checkKernel, checkNetworking, checkOverlay } from "../doctor/kernel.ts";
import {
  checkDaemon,
  checkDisk,
  checkNode,
  checkResolver,
  checkSettings,
  checkUser,
} from "../doctor/machine.ts";
import { checkOciRuntime, checkPrograms } from "../doctor/programs.ts";
import { EXIT } from "../exit-codes.ts";
import { paint } from "../render/paint.ts";

const CHECKS: readonly Check[] = [
  checkUser,
  checkNode,
  checkKernel,
  checkOverlay,
  checkNetworking,
  checkOciRuntime,
  checkPrograms,
  checkDisk,
  checkSettings,
  checkResolver,
  checkDaemon,
];

export const doctor: CliCommand = {
  summary: "Check what this machine needs to run stacks; ends with 1 when `up` cannot work",
  declare: (command: Command) => command.option("--json", "print JSON"),
  run: async (context: Context, _args: readonly string[], flags: { readonly json?: boolean }) => {
    const { io } = context;
    const doctorContext = {
      io,
      paths: daemonPaths(io.env, io.uid),
      installer: await findInstaller(),
    };
    const findings = (await Promise.all(CHECKS.map((check) => check(doctorContext)))).flat();
    findings.push(...(await stackFindings(context)));
    const canWork = findings.every(({ status }) => status !== "error");
    if (flags.json === true) context.printLine(JSON.stringify({ ok: canWork, findings }, undefined, 2));
    else context.print(render(findings, context.hasColour("stdout")));
    return canWork ? EXIT.ok : EXIT.failed;
  },
};

/** The stack of this folder, if there is one: only what is taken from it matters here, not whether it is right. */
async function stackFindings(context: Context): Promise<readonly Finding[]> {
  const { loadQuietly } = await import("../project.ts");
  const stack = await loadQuietly(context).catch(() => undefined);
  if (stack === undefined) return [];
  return checkPorts(stack, await portsOf(context, stack.name));
}

/** Ports that the stack itself holds already. */
async function portsOf(context: Context, stackName: string): Promise<(port: number) => boolean> {
  const { probe } = await import("../ensure-daemon.ts");
  const { target } = context;
  if (target.kind !== "engine" || (await probe(target.paths.socketPath)) !== "answers") return () => false;
  const { stackContainers } = await import("../stack-containers.ts");
  const own = await stackContainers(await context.runtime(), stackName);
  const ports = new Set(own.flatMap(({ summary }) => summary.ports.map(({ hostPort }) => hostPort)));
  return (port) => ports.has(port);
}

function render(findings: readonly Finding[], isColoured: boolean): string {
  const { green, yellow, red, dim, cyan } = paint(isColoured);
  const marks = { ok: green("ok  "), warning: yellow("warn"), error: red("FAIL") };
  const width = Math.max(...findings.map(({ title }) => title.length));
  const lines = findings.flatMap(({ title, status, found, problem, fix }) => [
    `${marks[status]}  ${title.padEnd(width)}  ${found}`,
    ...(problem === undefined ? [] : [`${" ".repeat(width + 8)}${problem}`]),
    ...(fix === undefined ? [] : [`${" ".repeat(width + 8)}${dim("mend:")} ${cyan(fix)}`]),
  ]);
  const errors = findings.filter(({ status }) => status === "error").length;
  const warnings = findings.filter(({ status }) => status === "warning").length;
  const sum =
    errors > 0
      ? red(`${errors} ${errors === 1 ? "thing keeps" : "things keep"} stacks from running here`)
      : warnings > 0
        ? `Stacks can run here, with ${warnings} ${warnings === 1 ? "warning" : "warnings"}`
        : green("Everything is there");
  return `${lines.join("\n")}\n\n${sum}\n`;
}
