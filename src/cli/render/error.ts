import { Bug } from "../../lib/bug.ts";
import { RuntimeError } from "../../runtime/index.ts";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { escapeControls, paint } from "./paint.ts";

/** What the person reads on stderr: the chain of causes for what can go wrong, a stack trace for our own mistakes. */
export function renderError(error: unknown, context: Context): string {
  if (context.progress === "json") {
    return `${JSON.stringify({ error: true, message: messageOf(error) })}\n`;
  }
  const red = paint(context.hasColour("stderr")).red;
  if (!isExpected(error)) {
    const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `${red("stowage: this is a bug, please report it:")}\n${trace}\n`;
  }
  const hint =
    error instanceof CliError && error.hint !== undefined ? `  ${error.hint.replaceAll("\n", "\n  ")}\n` : "";
  return `${red("stowage:")} ${escapeControls(messageOf(error))}\n${escapeControls(hint)}`;
}

export function exitCodeFor(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof RuntimeError && error.kind === "cancelled") return EXIT.interrupted;
  return EXIT.failed;
}

/** The messages of an error and its causes, joined; what an outer one already says is not said again. */
export function messageOf(error: unknown): string {
  const parts: string[] = [];
  for (
    let at: unknown = error;
    at !== undefined && parts.length < 8;
    at = at instanceof Error ? at.cause : undefined
  ) {
    const message = (at instanceof Error ? at.message : String(at)).trim();
    if (message !== "" && !parts.some((part) => part.includes(message))) parts.push(message);
  }
  return parts.join(": ");
}

function isExpected(error: unknown): boolean {
  if (error instanceof CliError || error instanceof RuntimeError) return true;
  if (error instanceof Bug || error instanceof TypeError || error instanceof ReferenceError) return false;
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
