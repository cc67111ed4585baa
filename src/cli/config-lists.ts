import type { LoadSwitches, Stack } from "../spec/index.ts";
import { CliError, ExitWith } from "./cli-error.ts";
import { type ConfigFlags, sayProblems } from "./commands/config.ts";
import type { Context } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { loadOptions, loadProject } from "./project.ts";

export type ListKind =
  | "services"
  | "volumes"
  | "networks"
  | "models"
  | "profiles"
  | "images"
  | "variables"
  | "environment"
  | "hash";

export interface ListOptions {
  readonly services: readonly string[];
  readonly flags: ConfigFlags;
  readonly skip: LoadSwitches;
}

/** What `config --services`, `--images`, `--hash` ... print: one thing a line, in order. */
export async function listConfig(context: Context, kind: ListKind, options: ListOptions): Promise<string> {
  if (kind === "variables") return await variables(context, options);
  const usesArguments = kind === "profiles" || kind === "images" || kind === "environment";
  const project = await loadProject(context, {
    services: usesArguments ? options.services : [],
    onlySelected: true,
    skip: { ...options.skip, interpolation: false },
  });
  const { stack } = project;
  switch (kind) {
    case "services":
      return lines(Object.keys(stack.services));
    case "volumes":
      return lines(Object.keys(stack.volumes));
    case "networks":
      return lines(Object.keys(stack.networks));
    case "models":
      return lines(Object.values(stack.models).flatMap(({ model }) => model ?? []));
    case "profiles": {
      const all = [...Object.values(stack.services), ...Object.values(stack.disabled)];
      return lines([...new Set(all.flatMap(({ profiles }) => profiles ?? []))].sort());
    }
    case "images":
      return lines(await imageNames(stack));
    case "environment":
      return lines(
        Object.entries(project.environment)
          .map(([name, value]) => `${name}=${value}`)
          .sort(),
      );
    case "hash":
      return await hashes(stack, options.flags.hash ?? "*", project.environment);
  }
}

function lines(words: readonly string[]): string {
  return words.map((word) => `${word}\n`).join("");
}

async function imageNames(stack: Stack): Promise<readonly string[]> {
  const { imageOf } = await import("../planner/index.ts");
  return Object.entries(stack.services).map(([name, service]) => imageOf(stack, name, service));
}

async function hashes(
  stack: Stack,
  names: string,
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const { serviceHash } = await import("../spec/index.ts");
  const wanted = names === "*" ? Object.keys(stack.services) : names.split(",").sort();
  const platform = environment["DOCKER_DEFAULT_PLATFORM"];
  return lines(
    wanted.map((name) => {
      const service = stack.services[name];
      if (service === undefined) throw new CliError(`No such service: ${name}`);
      const isDefaulted = platform !== undefined && platform !== "" && service.build !== undefined;
      return `${name} ${serviceHash(isDefaulted && service.platform === undefined ? { ...service, platform } : service)}`;
    }),
  );
}

async function variables(context: Context, { services, flags, skip }: ListOptions): Promise<string> {
  const { loadPlainModel, printModel, variablesOfModel } = await import("../spec/index.ts");
  const options = await loadOptions(context, { services, skip: { ...skip, interpolation: true } });
  const { model, problems } = await loadPlainModel(options);
  await sayProblems(context, problems);
  if (model === undefined) throw new ExitWith(EXIT.invalidFiles);
  const found = variablesOfModel(model);
  if (flags.format === "json" || flags.format === "yaml") {
    const records = found.map((each) => [
      each.name,
      { Name: each.name, DefaultValue: each.default, PresenceValue: each.alternate, Required: each.required },
    ]);
    return `${(await printModel(Object.fromEntries(records), flags.format)).trimEnd()}\n`;
  }
  const rows = found.map((each) => [each.name, String(each.required), each.default, each.alternate]);
  return columns([["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"], ...rows]);
}

/** Columns of one width each, at least 20 wide and 3 apart, the last as long as it is: Compose's own layout. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(20, ...rows.map((row) => [...(row[column] ?? "")].length + 3)),
  );
  return lines(
    rows.map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join(""),
    ),
  );
}
