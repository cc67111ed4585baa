import { type Disk, type LoadOptions, type LoadResult, loadStack } from "../../src/spec/index.ts";

/** A disk that holds these texts, by absolute path. */
export function memoryDisk(files: Readonly<Record<string, string | Uint8Array>>): Disk {
  const folders = new Set(Object.keys(files).flatMap(foldersAbove));
  return {
    readFile: async (path) => {
      const content = Object.hasOwn(files, path) ? files[path] : undefined;
      if (content === undefined) throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
      return typeof content === "string" ? Buffer.from(content) : content;
    },
    kindOf: async (path) => {
      if (Object.hasOwn(files, path)) return "file";
      return folders.has(path) ? "directory" : undefined;
    },
    realPath: async (path) => path,
  };
}

function foldersAbove(path: string): string[] {
  const parts = path.split("/").slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
}

/** Loads what lies in /app, or what the options name. */
export async function load(
  files: Readonly<Record<string, string | Uint8Array>>,
  options: Partial<LoadOptions> = {},
): Promise<LoadResult> {
  return await loadStack({
    startDirectory: "/app",
    environment: {},
    homeDirectory: "/root",
    disk: memoryDisk(files),
    ...options,
  });
}

/** `file:line:column rule` of every error. */
export function errorsOf({ problems }: LoadResult): string[] {
  return problems
    .filter((problem) => problem.severity === "error")
    .map(
      ({ place, rule }) => `${place?.file.split("/").at(-1) ?? ""}:${place?.line}:${place?.column} ${rule}`,
    );
}
