/** What containers that are still being made use already: no table knows of them yet. */
export class Settling {
  /** Names or ids of what is used, by the id of the container. */
  readonly #used = new Map<string, Set<string>>();

  add(used: string, containerId: string): void {
    const all = this.#used.get(containerId) ?? new Set();
    this.#used.set(containerId, all.add(used));
  }

  /** Ids of those containers. */
  usersOf(used: string): readonly string[] {
    return [...this.#used].filter(([, all]) => all.has(used)).map(([id]) => id);
  }

  /** The container speaks for itself from here on, or has come to nothing. */
  settled(containerId: string): void {
    this.#used.delete(containerId);
  }
}
