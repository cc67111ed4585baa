import type { StackEvent } from "../../daemon/client.ts";
import type { Context } from "../context.ts";

export type ViewEvent = Exclude<StackEvent, { kind: "report" | "failed" }>;

/** Shows a pass while it runs. All of it goes to stderr, so that stdout stays the command's answer. */
export interface ProgressView {
  show(event: ViewEvent): void;
  /** Leaves the terminal as it is; nothing is shown once it resolves. */
  end(): Promise<void>;
}

export type ProgressType = "tty" | "plain" | "json" | "quiet";

export function progressType({ globals, io, progress }: Context): ProgressType {
  if (progress !== "auto") return progress;
  const ansi = globals.ansi ?? io.env["COMPOSE_ANSI"];
  if (ansi === "never" || io.env["TERM"] === "dumb" || (io.env["CI"] ?? "") !== "") return "plain";
  return io.stderr.isTTY === true ? "tty" : "plain";
}

/** The view that the options and the terminal ask for; only the one chosen is loaded. */
export async function openProgressView(context: Context): Promise<ProgressView> {
  switch (progressType(context)) {
    case "quiet":
      return { show: () => {}, end: async () => {} };
    case "json":
      return (await import("./progress-json.ts")).jsonProgress(context.io.stderr);
    case "tty":
      return (await import("./progress-tty.ts")).ttyProgress(context);
    case "plain":
      return (await import("./progress-plain.ts")).plainProgress(context.io.stderr);
  }
}
