import type { Libc } from "./libc.ts";

const LOOK_EVERY_MS = 5_000;
/** Less is not worth the call. */
const CHANGE_BYTES = 1 << 20;

/**
 * Has the C library give freed memory back to the machine, in the whole process, soon after it was used: pulls and logs
 * pass through buffers that malloc would hold for ever, 40 MB for one pull. To have it give back each one when it is freed
 * (M_MMAP_THRESHOLD) costs a third of a pull's time.
 */
export function trimMemory(libc: Libc): void {
  let lastBytes = 0;
  setInterval(() => {
    const bytes = residentBytes();
    if (bytes === undefined || Math.abs(bytes - lastBytes) < CHANGE_BYTES) return;
    libc.trimMemory();
    lastBytes = residentBytes() ?? bytes;
  }, LOOK_EVERY_MS).unref();
}

/** Undefined where it cannot be read: when no file descriptor is free. */
function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch {
    return undefined;
  }
}
