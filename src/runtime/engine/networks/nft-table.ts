import type { Host } from "../host.ts";
import { type Element, elementText, SETS, type SetName, tableText } from "./firewall.ts";

/** The table as it should be, kept in step with the kernel's. Whoever removed it finds it back at the next change. */
export class NftTable {
  readonly #host: Host;
  readonly #name: string;
  readonly #elements = new Map(
    (Object.keys(SETS) as SetName[]).map((name) => [name, new Map<string, string>()]),
  );

  constructor(host: Host, name: string) {
    this.#host = host;
    this.#name = name;
  }

  /** Replaces all elements, in one step. */
  async load(elements: readonly Element[]): Promise<void> {
    for (const entries of this.#elements.values()) entries.clear();
    for (const element of elements) this.#remember(element);
    await this.#write();
  }

  async add(elements: readonly Element[]): Promise<void> {
    if (elements.length === 0) return;
    for (const element of elements) this.#remember(element);
    await this.#change("add", elements);
  }

  /** Elements that are not there are no error. */
  async remove(elements: readonly Element[]): Promise<void> {
    const present = elements.filter(({ set, key }) => this.#elements.get(set)?.delete(key));
    if (present.length > 0) await this.#change("delete", present);
  }

  async drop(): Promise<void> {
    await this.#host.nft(`add table inet ${this.#name}\ndelete table inet ${this.#name}\n`);
  }

  #remember(element: Element): void {
    this.#elements.get(element.set)?.set(element.key, elementText(element));
  }

  async #change(verb: "add" | "delete", elements: readonly Element[]): Promise<void> {
    const lines = elements.map((element) => {
      const text = verb === "add" ? elementText(element) : element.key;
      return `${verb} element inet ${this.#name} ${element.set} { ${text} }\n`;
    });
    try {
      await this.#host.nft(lines.join(""));
    } catch {
      // Someone has flushed the rules, or an element differs from what we knew: say it all again.
      await this.#write();
    }
  }

  async #write(): Promise<void> {
    await this.#host.nft(tableText(this.#name, this.#elements));
  }
}
