import type { Context } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { messageOf } from "./render/error.ts";

/** Does it to each; one that fails is told and does not keep the others from it. Resolves to the exit code. */
export async function forEach(
  context: Context,
  names: readonly string[],
  action: (name: string) => Promise<void>,
): Promise<number> {
  let code: number = EXIT.ok;
  for (const name of names) {
    try {
      await action(name);
    } catch (error) {
      context.note(`stowage: ${messageOf(error)}`);
      code = EXIT.failed;
    }
  }
  return code;
}
