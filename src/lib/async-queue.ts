/** So many values that were read are let go together. */
const READ_AT_MOST = 1024;

/** Values pushed on one side, iterated on the other, in order and without loss. For one reader. */
export class AsyncQueue<T> implements AsyncIterable<T> {
  #values: T[] = [];
  #next = 0;
  #wake: (() => void) | undefined;
  #isClosed = false;
  #error: unknown;

  push(value: T): void {
    if (this.#isClosed) return;
    this.#values.push(value);
    this.#wake?.();
  }

  /** What was pushed before is still read; then the iteration ends, with the error if there is one. */
  close(error?: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#error = error;
    this.#wake?.();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Leaving the iteration early loses nothing: the next one goes on. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (;;) {
      while (this.#next < this.#values.length) {
        const value = this.#values[this.#next] as T;
        this.#next += 1;
        // A reader that never quite catches up must not keep all that it has read.
        if (this.#next === READ_AT_MOST) {
          this.#values.splice(0, this.#next);
          this.#next = 0;
        }
        yield value;
      }
      this.#values = [];
      this.#next = 0;
      if (this.#isClosed) break;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    if (this.#error !== undefined) throw this.#error;
  }
}
