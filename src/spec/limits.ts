/** A file of this size is refused before it is parsed. */
export const MAX_FILE_SIZE = 32 * 1024 * 1024;
/** A config's or secret's file that is larger is mounted, never copied. */
export const MAX_COPIED_FILE_SIZE = 1024 * 1024;
