import type { Context } from "../context.ts";
import { goJson } from "./go-json.ts";
import { renderTable } from "./table.ts";

export interface Listing {
  readonly format: string;
  readonly quiet?: boolean;
  /** Field -> heading, in the table's order. */
  readonly columns: Readonly<Record<string, string>>;
  /** The field that `--quiet` prints. */
  readonly key: string;
  readonly records: readonly Readonly<Record<string, unknown>>[];
}

/** A list as docker's `ls` commands give it: a table, one JSON object a line, a template, or only the keys. */
export async function printListing(context: Context, listing: Listing): Promise<void> {
  const { format, columns, records } = listing;
  if (listing.quiet === true) {
    for (const record of records) context.printLine(String(record[listing.key]));
  } else if (format === "json") for (const record of records) context.printLine(goJson(record));
  else if (format === "table" || format === "") {
    const rows = records.map((record) => Object.keys(columns).map((field) => String(record[field] ?? "")));
    context.print(renderTable(Object.values(columns), rows));
  } else {
    const { renderFormat } = await import("./go-template.ts");
    context.print(renderFormat(format, records, columns));
  }
}
