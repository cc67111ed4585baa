import { RuntimeError } from "../../index.ts";
import { cleanPath, refused } from "./layer-names.ts";

const MAX_FOLLOWED = 40;
/** Of the targets that all names of a layer together lead through. */
const MAX_FOLLOWED_BYTES = 1 << 26;
/** What a place takes beside its name. */
const PLACE_BYTES = 200;

/** A name where a link is, or below which one is. */
interface Place {
  target?: string | undefined;
  below?: Map<string, Place>;
}

/**
 * The symbolic links a layer has made so far. An entry below one of them is meant to land where the link
 * points *inside the layer*; resolving that here means that nothing later ever walks through a link.
 */
export class LayerLinks {
  readonly #root: Place = {};
  readonly #keep: (bytes: number) => void;
  #followedBytes = 0;

  /** `keep` is told how many bytes more are held, and may refuse. */
  constructor(keep: (bytes: number) => void) {
    this.#keep = keep;
  }

  set(path: string, target: string): void {
    this.#keep(target.length);
    let place = this.#root;
    for (const component of path.split("/")) {
      place.below ??= new Map();
      let next = place.below.get(component);
      if (next === undefined) {
        this.#keep(component.length + PLACE_BYTES);
        next = {};
        place.below.set(component, next);
      }
      place = next;
    }
    place.target = target;
  }

  /** A hard link to a symbolic link is one too. */
  copy(from: string, to: string): void {
    const target = this.#find(from)?.target;
    if (target === undefined) this.forget(to);
    else this.set(to, target);
  }

  /** Something else took the place of what was there. */
  forget(path: string): void {
    const place = this.#find(path);
    if (place !== undefined) place.target = undefined;
  }

  #find(path: string): Place | undefined {
    if (this.#root.below === undefined) return undefined;
    let place: Place | undefined = this.#root;
    for (const component of path.split("/")) {
      place = place.below?.get(component);
      if (place === undefined) return undefined;
    }
    return place;
  }

  /** With every link among the parents followed, as if the layer's root were `/`. */
  resolveParents(path: string): string {
    if (this.#root.below === undefined) return path;
    const done: string[] = [];
    /** The root's, then that of each name in `done`. */
    const places: (Place | undefined)[] = [this.#root];
    const rest = path.split("/").reverse();
    for (let followed = 0; rest.length > 0; ) {
      const component = rest.pop();
      if (component === undefined || component === "" || component === ".") continue;
      if (component === "..") {
        if (done.pop() !== undefined) places.pop();
        continue;
      }
      if (rest.length === 0) {
        done.push(component);
        break;
      }
      const place = places.at(-1)?.below?.get(component);
      if (place?.target === undefined) {
        done.push(component);
        places.push(place);
        continue;
      }
      if (++followed > MAX_FOLLOWED) throw refused(path, "too many levels of symbolic links");
      this.#follow(place.target);
      if (place.target.startsWith("/")) {
        done.length = 0;
        places.length = 1;
      }
      rest.push(...place.target.split("/").reverse());
    }
    return cleanPath(done.join("/"));
  }

  #follow(target: string): void {
    this.#followedBytes += target.length;
    if (this.#followedBytes > MAX_FOLLOWED_BYTES)
      throw new RuntimeError("exhausted", "Cannot unpack layer: its names lead through too many links");
  }
}
