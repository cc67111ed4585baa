type Write = (text: string, stream: "stdout" | "stderr") => void;

/**
 * What steps of several stages print while they run side by side, told in the order of the Dockerfile: a step's
 * text is held back until all steps before it have ended.
 */
export class BuildOutput {
  readonly #write: Write;
  readonly #ended = new Set<number>();
  readonly #held = new Map<number, { text: string; stream: "stdout" | "stderr" }[]>();
  #first = 0;

  constructor(write: Write | undefined) {
    this.#write = write ?? (() => {});
  }

  write(step: number, text: string, stream: "stdout" | "stderr" = "stdout"): void {
    if (step <= this.#first) {
      this.#write(text, stream);
      return;
    }
    const held = this.#held.get(step) ?? [];
    held.push({ text, stream });
    this.#held.set(step, held);
  }

  end(step: number): void {
    this.#ended.add(step);
    while (this.#ended.has(this.#first)) {
      this.#first += 1;
      for (const { text, stream } of this.#held.get(this.#first) ?? []) this.#write(text, stream);
      this.#held.delete(this.#first);
    }
  }
}
