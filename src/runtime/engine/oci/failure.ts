import { RuntimeError } from "../../index.ts";

/**
 * The exit code that Docker gives a container whose process could not be started: by the words of the OCI
 * runtime's message, as there is nothing else to go by (moby daemon/errors.go).
 */
export function exitCodeOfFailure(message: string): 126 | 127 | 128 {
  const says = (...texts: readonly string[]) => texts.some((text) => message.includes(text));
  if (says("executable file not found", "no such file or directory", "not a directory")) return 127;
  if (says("permission denied", "is a directory")) return 126;
  return 128;
}

/** A failed create or start as an error with Docker's wording: clients look for words in it. */
export function startError(runtimeName: string, message: string): RuntimeError {
  const exitCode = exitCodeOfFailure(message);
  const text = message.trim().replace(new RegExp(`^${runtimeName} create failed: `), "");
  return new RuntimeError(
    exitCode === 128 ? "internal" : "invalid",
    `failed to create task for container: OCI runtime create failed: ${runtimeName} create failed: ${text}`,
    { exitCode },
  );
}

/** What an exec that could not be started prints, in Docker's wording, and its exit code. */
export function execFailure(message: string): { readonly text: string; readonly exitCode: number } {
  const detail = message.trim().replace(/^exec failed: /, "");
  return {
    text: `OCI runtime exec failed: exec failed: ${detail}`,
    exitCode: exitCodeOfFailure(message),
  };
}

/** The last error in a log of JSON lines that runc and crun write. */
export function lastLoggedError(log: string): string | undefined {
  for (const line of log.trimEnd().split("\n").reverse()) {
    try {
      const entry: unknown = JSON.parse(line);
      if (typeof entry !== "object" || entry === null || !("msg" in entry) || !("level" in entry)) continue;
      if (entry.level === "error" && typeof entry.msg === "string") return entry.msg;
    } catch {
      // A torn line: the program died while it wrote.
    }
  }
  return undefined;
}
