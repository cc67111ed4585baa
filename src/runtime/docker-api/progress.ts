import { compact } from "../../lib/compact.ts";
import { type ErrorKind, type ImageProgress, RuntimeError } from "../index.ts";
import { errorFromWire } from "./status.ts";
import type { WireObject } from "./wire-object.ts";

/** One line of the JSON stream of pull, push, load, import and build. */
export function progressToWire(progress: ImageProgress): Readonly<Record<string, unknown>> {
  const { currentBytes, totalBytes } = progress;
  const hasBar = currentBytes !== undefined;
  return compact<Record<string, unknown>>({
    status: progress.status,
    progressDetail:
      progress.id === undefined && !hasBar
        ? undefined
        : compact<Record<string, unknown>>({ current: currentBytes, total: totalBytes }),
    progress: hasBar ? progressBar(currentBytes, totalBytes) : undefined,
    id: progress.id,
    aux: progress.aux,
  });
}

const BAR_WIDTH = 50;

/** `[=====>     ]  1.5MB/3MB`, for clients that print it as it is. */
function progressBar(current: number, total: number | undefined): string {
  if (total === undefined || total <= 0) return humanSize(current);
  const done = Math.min(BAR_WIDTH, Math.floor((current / total) * BAR_WIDTH));
  const bar = done >= BAR_WIDTH ? "=".repeat(BAR_WIDTH) : `${"=".repeat(done)}>`.padEnd(BAR_WIDTH);
  return `[${bar}${done >= BAR_WIDTH ? ">" : ""}]  ${humanSize(current)}/${humanSize(total)}`;
}

function humanSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${Number(value.toPrecision(4))}${units[unit] ?? ""}`;
}

/** How an error is told once the answer has begun. `kind` is for clients of ours only. */
export function streamErrorToWire(
  message: string,
  detail: { readonly code: number | undefined; readonly kind: ErrorKind | undefined },
): Readonly<Record<string, unknown>> {
  return {
    errorDetail: compact<Record<string, unknown>>({ ...detail, message }),
    error: message,
  };
}

/** Throws what the line says went wrong. */
export function progressFromWire(line: WireObject): ImageProgress {
  const error = line.text("error") ?? line.object("errorDetail").text("message");
  if (error !== undefined) throw streamError(error, line);
  const detail = line.object("progressDetail");
  const aux = line.raw("aux");
  return compact<ImageProgress>({
    id: line.filled("id"),
    status: line.text("status") ?? line.text("stream") ?? "",
    currentBytes: detail.number("current"),
    totalBytes: detail.number("total"),
    aux: typeof aux === "object" && aux !== null ? { ...aux } : undefined,
  });
}

function streamError(message: string, line: WireObject): RuntimeError {
  const detail = line.object("errorDetail");
  const code = detail.number("code");
  const kind = detail.text("kind");
  if (kind !== undefined) return errorFromWire(500, message, kind);
  if (/not found|manifest unknown|does not exist/i.test(message)) return errorFromWire(404, message);
  if (/unauthorized|authentication required|denied/i.test(message))
    return new RuntimeError("unauthorized", message);
  return errorFromWire(code !== undefined && code >= 400 && code < 600 ? code : 500, message);
}
