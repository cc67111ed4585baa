import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { projectAndServices } from "../project.ts";
import { renderTable } from "../render/table.ts";
import { stackContainers } from "../stack-containers.ts";

export const top: CliCommand = {
  usage: "[services...]",
  summary: "Display the running processes",
  declare: () => {},
  run: async (context: Context, services: readonly string[]) => {
    const { name } = await projectAndServices(context, services);
    const runtime = await context.runtime();
    const found = await stackContainers(runtime, name, { services });
    const tables = await Promise.all(
      found.map(async ({ summary, service, number }) => ({
        ...(await runtime.containers.top(summary.id)),
        service,
        number,
      })),
    );
    const titles = [...new Set(tables.flatMap((table) => table.titles))];
    const rows = tables.flatMap(({ titles: own, processes, service, number }) =>
      processes.map((process) => [
        service,
        String(number),
        ...titles.map((title) => process[own.indexOf(title)] ?? "-"),
      ]),
    );
    if (rows.length > 0) context.print(renderTable(["SERVICE", "#", ...titles], rows));
  },
};
