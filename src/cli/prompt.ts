import { createInterface } from "node:readline/promises";
import type { Context } from "./context.ts";
import { escapeControls } from "./render/paint.ts";

/** Asks on stderr, reads a line of stdin; anything but yes is no. End of input is no. */
export async function confirm(context: Context, question: string): Promise<boolean> {
  const answer = await ask(context, `${question} [y/N] `);
  return /^y(es)?$/i.test(answer.trim());
}

/** A line of stdin; "" at its end. */
export async function ask(context: Context, question: string): Promise<string> {
  const { stdin, stderr } = context.io;
  stderr.write(escapeControls(question));
  const lines = createInterface({ input: stdin, terminal: false });
  try {
    for await (const line of lines) return line;
    return "";
  } finally {
    lines.close();
  }
}

/** A line that the terminal does not show. */
export async function askSecret(context: Context, question: string): Promise<string> {
  const { stdin, stderr } = context.io;
  if (stdin.isTTY !== true) return ask(context, question);
  stderr.write(question);
  stdin.setRawMode?.(true);
  let typed = "";
  try {
    for await (const chunk of stdin) {
      for (const char of String(chunk)) {
        if (char === "\r" || char === "\n") return typed;
        if (char === "\u0003" || char === "\u0004") return "";
        typed = char === "\u007f" ? typed.slice(0, -1) : typed + char;
      }
    }
    return typed;
  } finally {
    stdin.setRawMode?.(false);
    stderr.write("\n");
  }
}
