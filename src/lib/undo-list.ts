/** What has to be taken back when a sequence of steps fails half-way: last first, each whatever the others do. */
export class UndoList {
  readonly #steps: (() => Promise<unknown>)[] = [];

  add(step: () => Promise<unknown>): void {
    this.#steps.unshift(step);
  }

  async run(): Promise<void> {
    for (const step of this.#steps) await step().catch(() => undefined);
  }
}
