import { paddingOf, TAR_BLOCK } from "../../src/runtime/engine/rootfs/tar/index.ts";
import { putChecksum, putNumber } from "../../src/runtime/engine/rootfs/tar/tar-fields.ts";

export interface RawItem {
  readonly flag: string;
  readonly name?: string;
  /** What the header says of the data; their length when absent. */
  readonly bytes?: number;
  readonly data?: Buffer;
  /** Anything else in the header. */
  readonly change?: (header: Buffer) => void;
}

/** A tar as nobody who is honest writes it: headers and data that need not fit each other. */
export function rawTar(items: readonly RawItem[]): Buffer {
  const blocks = items.flatMap(
    ({ flag, name = "x", data = Buffer.alloc(0), bytes = data.length, change }) => {
      const header = Buffer.alloc(TAR_BLOCK);
      header.write(name, 0, "latin1");
      putNumber(header, 124, 12, bytes);
      header.write(flag, 156, "latin1");
      header.write(flag === "S" ? "ustar  \0" : "ustar\x0000", 257, "latin1");
      change?.(header);
      putChecksum(header);
      return [header, data, Buffer.alloc(paddingOf(data.length))];
    },
  );
  return Buffer.concat([...blocks, Buffer.alloc(2 * TAR_BLOCK)]);
}
