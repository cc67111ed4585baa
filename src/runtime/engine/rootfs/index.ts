export { diffTar, type UpperTar } from "./diff-tar.ts";
export { fileBytes } from "./file-bytes.ts";
export { initLayer } from "./init-layer.ts";
export { EMPTY_FOLDER, type LayerContent } from "./layer-filter.ts";
export { lookBelow, openFolderBelow } from "./open-folder.ts";
export { openRootfs } from "./open-rootfs.ts";
export { spreadFolders } from "./spread-folders.ts";
export {
  formatEntry,
  type Piece,
  paddingOf,
  SparseData,
  TAR_BLOCK,
  type TarEntry,
  TarReader,
  verifyChecksum,
} from "./tar/index.ts";
export { isBrokenPipe, startTool, TOOL_PATH, type Tool } from "./tool.ts";
export { Trash } from "./trash.ts";
export { unpackLayer } from "./unpack-layer.ts";
