import { pipeline, type Readable, Transform, type TransformCallback } from "node:stream";
import { EMPTY_FOLDER } from "./layer-filter.ts";
import { cleanPath } from "./layer-names.ts";
import { formatEntry, paddingOf, TAR_BLOCK, type TarEntry, TarReader } from "./tar/index.ts";
import { startTool } from "./tool.ts";

const OPAQUE = "trusted.overlay.opaque";

/** An upper folder of overlayfs as the tar of an OCI layer: sorted, with whiteouts spelt as the OCI spells them. */
export function diffTar(upperDir: string): UpperTar {
  const tool = startTool(
    [
      "tar",
      ...["--create", "--file=-", `--directory=${upperDir}`, "--format=posix", "--sort=name"],
      ...["--numeric-owner", "--xattrs", `--xattrs-include=${OPAQUE}`],
      ...["--xattrs-include=security.capability", "--xattrs-include=user.*", "--one-file-system"],
      ...["--pax-option=delete=atime,delete=ctime", "--warning=no-file-ignored", "."],
    ],
    // 1: a file changed while it was read, which a running container may do.
    { goodCodes: [0, 1] },
  );
  const filter = new UpperFilter(tool.ended);
  pipeline(tool.stdout, filter, () => tool.stop());
  return filter;
}

export interface UpperTar extends Readable {
  /** Sum of the sizes of its files; complete once the stream has ended. */
  readonly fileBytes: number;
}

class UpperFilter extends Transform implements UpperTar {
  fileBytes = 0;
  readonly #reader: TarReader;
  readonly #ended: Promise<void>;
  #output: Buffer[] = [];
  #dataLeft = 0;
  #padding = 0;

  constructor(ended: Promise<void>) {
    super({ readableHighWaterMark: 1 << 16, writableHighWaterMark: 1 << 16 });
    this.#ended = ended;
    this.#reader = new TarReader({
      onEntry: (entry) => this.#onEntry(entry),
      onData: (chunk) => this.#onData(chunk),
    });
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.#reader.write(chunk);
      done(null, this.#take());
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override _flush(done: TransformCallback): void {
    this.#ended.then(
      () => done(null, Buffer.alloc(2 * TAR_BLOCK)),
      (error) => done(error),
    );
  }

  #take(): Buffer | undefined {
    const output = this.#output;
    this.#output = [];
    return output.length > 1 ? Buffer.concat(output) : output[0];
  }

  #onEntry(entry: TarEntry): void {
    this.#dataLeft = entry.storedBytes;
    this.#padding = paddingOf(entry.storedBytes);
    this.fileBytes += entry.storedBytes;
    const path = cleanPath(entry.name);
    const isFolder = entry.type === "directory";
    if (entry.type === "character-device" && entry.deviceMajor === 0 && entry.deviceMinor === 0) {
      this.#output.push(markFile(whiteoutName(path)));
      return;
    }
    if (path !== "") {
      const link = entry.type === "hardlink" ? cleanPath(entry.linkName) : entry.linkName;
      const xattrs = new Map([...entry.xattrs].filter(([name]) => name !== OPAQUE));
      this.#output.push(
        formatEntry({ ...entry, name: isFolder ? `${path}/` : path, linkName: link, xattrs }),
      );
    }
    if (isFolder && entry.xattrs.get(OPAQUE)?.toString() === "y")
      this.#output.push(markFile(`${path}/.wh..wh..opq`));
  }

  #onData(chunk: Buffer): void {
    this.#output.push(chunk);
    this.#dataLeft -= chunk.length;
    if (this.#dataLeft === 0 && this.#padding > 0) this.#output.push(Buffer.alloc(this.#padding));
  }
}

function whiteoutName(path: string): string {
  const slash = path.lastIndexOf("/") + 1;
  return `${path.slice(0, slash)}.wh.${path.slice(slash)}`;
}

function markFile(name: string): Buffer {
  return formatEntry({ ...EMPTY_FOLDER, type: "file", mode: 0, name: name.replace(/^\//, "") });
}
