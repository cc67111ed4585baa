/** One holder at a time, in the order of asking. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action);
    this.#last = result.catch(() => {});
    return result;
  }
}

/** One holder per key at a time, in the order of asking; keys nobody wants take no room. */
export class KeyedMutex {
  readonly #locks = new Map<string, { readonly mutex: Mutex; users: number }>();

  async run<T>(key: string, action: () => Promise<T>): Promise<T> {
    const lock = this.#locks.get(key) ?? { mutex: new Mutex(), users: 0 };
    this.#locks.set(key, lock);
    lock.users++;
    try {
      return await lock.mutex.run(action);
    } finally {
      lock.users--;
      if (lock.users === 0) this.#locks.delete(key);
    }
  }
}
