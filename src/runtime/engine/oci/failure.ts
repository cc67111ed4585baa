import { RuntimeError } from "../../index.ts";

/**
 * The exit code that Docker gives a container whose process could not be started: by the words of the OCI
 * runtime's message, as there is nothing else to go by (moby daemon/errors.go).
 */
export function exitCodeOfFailure(message: string): 126 | 127 | 128 {
  const text = message.toLowerCase();
  const says = (...words: readonly string[]) => words.some((word) => text.includes(word));
  if (says("executable file not found", "no such file or directory", "not a directory")) return 127;
  if (says("permission denied", "is a directory")) return 126;
  return 128;
}

export interface FailedStart {
  readonly runtimeName: string;
  readonly message: string;
  /** The first of the process's arguments; what failed may not have come to it. */
  readonly program?: string;
}

/** A failed create or start as an error with Docker's wording: clients look for words in it. */
export function startError({ runtimeName, message, program = "" }: FailedStart): RuntimeError {
  const text = inDockersWords(message.trim(), program).replace(/^runc create failed: /, "");
  const exitCode = exitCodeOfFailure(text);
  return new RuntimeError(
    exitCode === 128 ? "internal" : "invalid",
    `failed to create task for container: OCI runtime create failed: ${runtimeName} create failed: ${text}`,
    { exitCode },
  );
}

/** What an exec that could not be started prints, in Docker's wording, and its exit code. */
export function execFailure(
  message: string,
  program: string,
): { readonly text: string; readonly exitCode: number } {
  const detail = inDockersWords(message.trim(), program).replace(/^exec failed: /, "");
  return {
    text: `OCI runtime exec failed: exec failed: ${detail}`,
    exitCode: exitCodeOfFailure(detail),
  };
}

/**
 * crun's messages about the program and its working folder as runc has them, which Docker's users know and its
 * clients look for; all others as they are.
 */
function inDockersWords(message: string, program: string): string {
  const unable = "unable to start container process:";
  if (/^executable file `.*` not found in \$PATH/.test(message))
    return program.includes("/")
      ? `${unable} exec: "${program}": stat ${program}: no such file or directory`
      : `${unable} exec: "${program}": executable file not found in $PATH`;
  if (message === "open executable: Not a directory")
    return `${unable} exec: "${program}": stat ${program}: not a directory`;
  // What crun says of a folder is "Operation not permitted".
  if (/^open executable: (Permission denied|Operation not permitted)$/.test(message))
    return `${unable} exec: "${program}": permission denied`;
  const folder = /^chdir `(.*)`: (.*)$/.exec(message);
  if (folder !== null)
    return `${unable} chdir to cwd ("${folder[1]}") set in config.json failed: ${folder[2]?.toLowerCase()}`;
  return message;
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
