import { cleanPath, refused } from "./layer-names.ts";

const MAX_FOLLOWED = 40;

/**
 * The symbolic links a layer has made so far. An entry below one of them is meant to land where the link
 * points *inside the layer*; resolving that here means that nothing later ever walks through a link.
 */
export class LayerLinks {
  readonly #targets = new Map<string, string>();
  readonly #keep: (bytes: number) => void;

  /** `keep` is told how many bytes more are held, and may refuse. */
  constructor(keep: (bytes: number) => void) {
    this.#keep = keep;
  }

  set(path: string, target: string): void {
    this.#keep(path.length + target.length);
    this.#targets.set(path, target);
  }

  /** A hard link to a symbolic link is one too. */
  copy(from: string, to: string): void {
    const target = this.#targets.get(from);
    if (target === undefined) this.forget(to);
    else this.set(to, target);
  }

  /** Something else took the place of what was there. */
  forget(path: string): void {
    if (this.#targets.size > 0) this.#targets.delete(path);
  }

  /** With every link among the parents followed, as if the layer's root were `/`. */
  resolveParents(path: string): string {
    if (this.#targets.size === 0) return path;
    const done: string[] = [];
    const rest = path.split("/").reverse();
    for (let followed = 0; rest.length > 0; ) {
      const component = rest.pop();
      if (component === undefined || component === "" || component === ".") continue;
      if (component === "..") {
        done.pop();
        continue;
      }
      done.push(component);
      if (rest.length === 0) break;
      const target = this.#targets.get(done.join("/"));
      if (target === undefined) continue;
      if (++followed > MAX_FOLLOWED) throw refused(path, "too many levels of symbolic links");
      if (target.startsWith("/")) done.length = 0;
      else done.pop();
      rest.push(...target.split("/").reverse());
    }
    return cleanPath(done.join("/"));
  }
}
