import type { Digest } from "./digest.ts";

/** Blobs and layers that unfinished work relies on, so that nothing else deletes them meanwhile. */
export class Leases {
  readonly #counts = new Map<Digest, number>();

  has(digest: Digest): boolean {
    return this.#counts.has(digest);
  }

  open(): Lease {
    const held = new Set<Digest>();
    return {
      hold: (...digests) => {
        for (const digest of digests) {
          if (held.has(digest)) continue;
          held.add(digest);
          this.#counts.set(digest, (this.#counts.get(digest) ?? 0) + 1);
        }
      },
      release: () => {
        for (const digest of held) {
          const count = (this.#counts.get(digest) ?? 1) - 1;
          if (count === 0) this.#counts.delete(digest);
          else this.#counts.set(digest, count);
        }
        const released = [...held];
        held.clear();
        return released;
      },
    };
  }
}

export interface Lease {
  hold(...digests: readonly Digest[]): void;
  /** What it held, in the order of holding. */
  release(): readonly Digest[];
}
