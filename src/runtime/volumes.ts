import type { Filters } from "./events.ts";

export interface VolumeSpec {
  /** Absent: anonymous, a random 64-hex name is chosen. */
  readonly name?: string;
  /** `local` when absent; any other is `unsupported` on the embedded engine. */
  readonly driver?: string;
  /** `type`, `o`, `device` of the local driver. */
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface VolumeInfo {
  readonly name: string;
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Where its content lies on the host. */
  readonly mountpoint: string;
  readonly createdAt: Date;
  readonly isAnonymous: boolean;
  /** Filled where the caller asked for usage. */
  readonly usage?: { readonly sizeBytes: number; readonly references: number };
}

export interface Volumes {
  /** Idempotent: the same name with the same driver and options answers the existing volume; else `conflict`. `not-found` for an unknown driver. */
  create(spec: VolumeSpec): Promise<VolumeInfo>;
  /** `not-found`. */
  inspect(name: string): Promise<VolumeInfo>;
  /** `usage`: with sizes and counts of references, which takes a walk over every volume. */
  list(filters?: Filters, options?: { readonly usage?: boolean }): Promise<readonly VolumeInfo[]>;
  /** `not-found`; `conflict` while a container (running or not) uses it; `force` ignores not-found. */
  remove(name: string, options?: { readonly force?: boolean }): Promise<void>;
  /** Unused volumes: anonymous ones only, unless filter `all=true`; none with options, which lie elsewhere. */
  prune(filters?: Filters): Promise<{ readonly removed: readonly string[]; readonly reclaimedBytes: number }>;
}
