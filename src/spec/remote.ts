import { absolutePath } from "./paths.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Mention, TextFiles } from "./text-files.ts";

/** A Compose file that lies elsewhere: in a git repository, or as an OCI artifact. */
export function isRemote(path: string): boolean {
  return /^(?:oci|git|ssh|https?):\/\//.test(path) || /^(?:git@|github\.com\/)/.test(path);
}

/** Where a named file lies on this disk, remote ones brought here; undefined when that failed, which was reported. */
export async function locateFile(
  text: string,
  directory: string,
  run: { readonly files: TextFiles; readonly problems: ProblemList },
  mention: Omit<Mention, "what"> = {},
): Promise<string | undefined> {
  if (!isRemote(text)) return absolutePath(directory, text);
  const { fetchRemote } = run.files.disk;
  try {
    if (fetchRemote === undefined) throw new Error("there is no way to fetch it");
    return await fetchRemote(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    run.problems.error("file/remote", `The file ${text} cannot be had: ${reason}`, mention);
    return undefined;
  }
}
