const MOST_AT_ONCE = 1024;
const MOST_PER_CONTAINER = 256;
/** What a container has for itself, however many others fill the rest. */
const OWN_SHARE = 16;

/** Counts what has been asked of other servers and is not answered yet, so that no container takes the others' turn. */
export class WaitingQueries {
  readonly #perContainer = new Map<string, number>();
  #count = 0;

  /** False: too many wait already. Otherwise one more does, until `leave`. */
  enter(containerId: string): boolean {
    const own = this.#perContainer.get(containerId) ?? 0;
    const most = this.#count < MOST_AT_ONCE ? MOST_PER_CONTAINER : OWN_SHARE;
    if (own >= most) return false;
    this.#count++;
    this.#perContainer.set(containerId, own + 1);
    return true;
  }

  leave(containerId: string): void {
    this.#count--;
    const left = (this.#perContainer.get(containerId) ?? 1) - 1;
    if (left > 0) this.#perContainer.set(containerId, left);
    else this.#perContainer.delete(containerId);
  }
}
