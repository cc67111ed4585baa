import { MAX_FILE_SIZE } from "./limits.ts";
import type { Disk } from "./load-options.ts";
import type { ProblemList } from "./problem-list.ts";
import { SourceText } from "./source-text.ts";
import type { Origin, Path } from "./source-tree.ts";

/** What named a file, so that a problem with it has a place. */
export interface Mention {
  readonly at?: Origin | undefined;
  readonly path?: Path | undefined;
  /** "The env file", "The included file" ... */
  readonly what: string;
}

/** Reads texts; the same file is read once. A problem is reported where the file is named. */
export class TextFiles {
  readonly #disk: Disk;
  readonly #problems: ProblemList;
  readonly #read = new Map<string, Promise<SourceText | string>>();

  constructor(disk: Disk, problems: ProblemList) {
    this.#disk = disk;
    this.#problems = problems;
  }

  get disk(): Disk {
    return this.#disk;
  }

  /** Undefined when it cannot be read, which was then reported. `name` is how messages call it. */
  async read(path: string, mention: Mention, name = path): Promise<SourceText | undefined> {
    let reading = this.#read.get(path);
    if (reading === undefined) {
      reading = this.#readNow(path);
      this.#read.set(path, reading);
    }
    const result = await reading;
    if (typeof result !== "string") return result;
    this.#problems.error("file/unreadable", `${mention.what} ${name} ${result}`, {
      at: mention.at,
      path: mention.path,
    });
    return undefined;
  }

  async #readNow(path: string): Promise<SourceText | string> {
    try {
      if (path !== "-" && (await this.#disk.kindOf(path)) === "directory") return "is a directory";
      const bytes = await this.#disk.readFile(path);
      if (bytes.length > MAX_FILE_SIZE) return `is larger than ${MAX_FILE_SIZE >> 20} MiB`;
      return new SourceText(path, decode(bytes));
    } catch (error) {
      return reasonOf(error);
    }
  }
}

function decode(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === "ENOENT" || code === "ENOTDIR") return "does not exist";
  if (code === "EISDIR") return "is a directory";
  if (code === "EACCES" || code === "EPERM") return "may not be read";
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") return "is not valid UTF-8";
  return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
