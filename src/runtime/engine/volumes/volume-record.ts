import type { VolumeInfo } from "../../index.ts";

/** One volume as it is kept on disk. */
export interface VolumeRecord {
  readonly name: string;
  readonly driver: "local";
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly isAnonymous: boolean;
}

/** How Docker's clients tell an anonymous volume. */
export const ANONYMOUS_LABEL = "com.docker.volume.anonymous";

export function volumeInfo(record: VolumeRecord, mountpoint: string): VolumeInfo {
  const { name, driver, options, labels, createdAt, isAnonymous } = record;
  return { name, driver, options, labels, mountpoint, createdAt: new Date(createdAt), isAnonymous };
}
