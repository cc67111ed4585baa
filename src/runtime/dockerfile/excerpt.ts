import type { Lines } from "./dockerfile-error.ts";

const AROUND = 2;

/** The lines of an instruction with those around it. */
export function excerpt(text: string, name: string, { line, endLine }: Lines): string {
  const lines = text.split(/\r?\n/);
  const from = Math.max(1, line - AROUND);
  const to = Math.min(lines.length, endLine + AROUND);
  const shown: string[] = [];
  for (let at = from; at <= to; at++) {
    const mark = at >= line && at <= endLine ? ">>>" : "   ";
    shown.push(`${String(at).padStart(4)} | ${mark} ${lines[at - 1] ?? ""}`);
  }
  const rule = "-".repeat(20);
  return `${name}:${line}\n${rule}\n${shown.join("\n").trimEnd()}\n${rule}\n`;
}
