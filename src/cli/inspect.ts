import type { Documents } from "../runtime/docker/index.ts";
import type { Context } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { messageOf } from "./render/error.ts";

export interface InspectOptions {
  /** A Go template for each. */
  readonly format: string | undefined;
  readonly read: (documents: Documents, name: string) => Promise<unknown>;
}

/** One JSON array of Docker's documents of all that was found, or a template's line for each; what is missing is told. */
export async function printInspected(
  context: Context,
  names: readonly string[],
  { format, read }: InspectOptions,
): Promise<number> {
  const { documentsOf } = await import("../runtime/docker/index.ts");
  const documents = documentsOf(await context.runtime());
  const found: unknown[] = [];
  let code: number = EXIT.ok;
  for (const name of names) {
    try {
      found.push(await read(documents, name));
    } catch (error) {
      context.note(`stowage: ${messageOf(error)}`);
      code = EXIT.failed;
    }
  }
  if (format === undefined) context.printLine(JSON.stringify(found, undefined, 4));
  else if (format === "json") context.printLine(JSON.stringify(found));
  else {
    const { renderTemplate } = await import("./render/go-template.ts");
    for (const value of found) context.printLine(renderTemplate(format, value));
  }
  return code;
}
