import type { Command } from "commander";
import { LABEL } from "../../planner/index.ts";
import type { VolumeInfo } from "../../runtime/index.ts";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { projectAndServices } from "../project.ts";
import { goJson } from "../render/go-json.ts";
import { renderTable } from "../render/table.ts";
import { stackContainers } from "../stack-containers.ts";

interface Flags {
  readonly format: string;
  readonly quiet?: boolean;
}

export const volumes: CliCommand = {
  usage: "[services...]",
  summary: "List the stack's volumes",
  declare: (command: Command) =>
    command
      .option("--format <format>", "table, json (one object a line) or a Go template", "table")
      .option("-q, --quiet", "only names"),
  run: async (context: Context, services: readonly string[], flags: Flags) => {
    const { name } = await projectAndServices(context, services);
    const runtime = await context.runtime();
    const all = await runtime.volumes.list({ label: [`${LABEL.project}=${name}`] });
    const used =
      services.length === 0
        ? undefined
        : new Set(
            (await stackContainers(runtime, name, { all: true, services })).flatMap(({ summary }) =>
              summary.mounts.map((mount) => mount.name),
            ),
          );
    const shown = all
      .filter((volume) => used === undefined || used.has(volume.name))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    if (flags.quiet === true) for (const volume of shown) context.printLine(volume.name);
    else if (flags.format === "json")
      for (const volume of shown) context.printLine(goJson(volumeRecord(volume)));
    else if (flags.format === "table") {
      context.print(
        renderTable(
          ["DRIVER", "VOLUME NAME"],
          shown.map(({ driver, name: own }) => [driver, own]),
        ),
      );
    } else {
      const { renderFormat } = await import("../render/go-template.ts");
      context.print(renderFormat(flags.format, shown.map(volumeRecord), { Name: "VOLUME NAME" }));
    }
  },
};

/** A volume with the keys that `docker volume ls --format json` has. */
export function volumeRecord(volume: VolumeInfo): Readonly<Record<string, unknown>> {
  return {
    Availability: "N/A",
    Driver: volume.driver,
    Group: "N/A",
    Labels: Object.entries(volume.labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
    Links: "N/A",
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Scope: "local",
    Size: "N/A",
    Status: "N/A",
  };
}
