type Tell = (data: Uint8Array, stream: "stdout" | "stderr") => void;

/** BuildKit's own limit (`BUILDKIT_STEP_LOG_MAX_SIZE`), and its words. */
const LIMIT_BYTES = 2 << 20;
const NOTE = "\n[output clipped, log limit 2MiB reached]\n";

/**
 * What one step's command prints, up to 2 MiB: all that a build says is held for whoever reads it slowly, or later,
 * and a command may print without end.
 */
export function clippedLog(tell: Tell): Tell {
  let room = LIMIT_BYTES;
  return (data, stream) => {
    if (room < 0) return;
    tell(data.subarray(0, room), stream);
    room -= data.length;
    if (room < 0) tell(Buffer.from(NOTE), "stderr");
  };
}
