import type { ContainerSpec } from "../index.ts";

/**
 * Between a client and an engine that are both ours, answers carry one more field with what Docker has no
 * word for. The client asks for it with this header; nobody else ever sees the field.
 */
export const EXTENSION_HEADER = "x-stowage-extended";
export const EXTENSION = "Stowage";

/** Data of our own, as our own engine wrote it. */
export function revive<T extends ContainerSpec | readonly string[]>(value: unknown): T | undefined {
  return typeof value === "object" && value !== null ? (value as T) : undefined;
}
