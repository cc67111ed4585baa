import { RuntimeError } from "../../runtime/index.ts";
import { asStep, type BuildRecord } from "./build-record.ts";
import { syncFiles } from "./file-sync.ts";
import type { ClientSession } from "./sessions.ts";

/** The frontend's options, as buildx writes them. */
export type FrontendOptions = Readonly<Record<string, string>>;

/** Those of one kind (`build-arg:`, `label:`), by what follows. */
export function withPrefix(options: FrontendOptions, prefix: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(options)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]),
  );
}

export const DOCKERFILE_LIMIT_BYTES = 4 * 1024 * 1024;

export function dockerfileName(options: FrontendOptions): string {
  return options["filename"] ?? "Dockerfile";
}

/** The step that fetches the Dockerfile: what is said of the file is said of this step. */
export function loadStep(options: FrontendOptions): string {
  return `[internal] load build definition from ${dockerfileName(options)}`;
}

/** The Dockerfile, and the ignore file that belongs to it alone. */
export async function readDockerfile(
  record: BuildRecord,
  session: ClientSession,
  options: FrontendOptions,
): Promise<{ readonly text: string; readonly ignore: string | undefined }> {
  const filename = dockerfileName(options);
  return asStep(record, loadStep(options), async () => {
    const found = await syncFiles(session, {
      dir: options["dockerfilekey"] ?? "dockerfile",
      followPaths: [filename, `${filename}.dockerignore`, filename.toLowerCase()],
      limitBytes: DOCKERFILE_LIMIT_BYTES,
    });
    const text = found.get(filename) ?? found.get(filename.toLowerCase());
    if (text === undefined)
      throw new RuntimeError(
        "not-found",
        `failed to read dockerfile: open ${filename}: no such file or directory`,
      );
    return { text: text.toString("utf8"), ignore: found.get(`${filename}.dockerignore`)?.toString("utf8") };
  });
}
