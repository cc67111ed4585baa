export { formatEntry } from "./format-entry.ts";
export { type Piece, SparseData } from "./sparse-data.ts";
export { paddingOf, type Span, TAR_BLOCK, type TarEntry, type TarEntryType } from "./tar-entry.ts";
export { isZeroBlock, verifyChecksum } from "./tar-fields.ts";
export { malformed, TarReader, type TarSink } from "./tar-reader.ts";
