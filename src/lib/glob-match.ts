/** A step of a pattern over a text. `source`: the same as part of a regular expression, for one character. */
export type GlobPart =
  | { readonly kind: "one" | "many"; readonly source: string; accepts(character: string): boolean }
  /** The next `length` parts may be left out. */
  | { readonly kind: "maybe"; readonly length: number };

export const ANY: GlobPart = { kind: "many", source: ".", accepts: () => true };
export const SLASH: GlobPart = { kind: "one", source: "/", accepts: (character) => character === "/" };
const STAR: GlobPart = { kind: "many", source: "[^/]", accepts: (character) => character !== "/" };
const QUESTION: GlobPart = { ...STAR, kind: "one" };

const compiled = new Map<string, (text: string) => boolean>();

/**
 * Shell patterns as Go's `path.Match` reads them: `*` and `?` stop at a slash, `[a-z]`, `[^a]`, `\x`. The whole
 * text must match. Throws on a malformed pattern.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let matches = compiled.get(pattern);
  if (matches === undefined) {
    matches = matcherOf(globParts(pattern));
    if (compiled.size > 500) compiled.clear();
    compiled.set(pattern, matches);
  }
  return matches(text);
}

/** A pattern of one name, without `**`. Throws on a malformed one. */
export function globParts(pattern: string): readonly GlobPart[] {
  const parts: GlobPart[] = [];
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    if (character === "*") {
      // A run of stars is one.
      if (parts.at(-1) !== STAR) parts.push(STAR);
    } else if (character === "?") parts.push(QUESTION);
    else if (character === "\\") parts.push(literal(literalAt(characters, ++at)));
    else if (character === "[") {
      const end = classEnd(characters, at);
      parts.push(oneOf(characterClass(characters.slice(at + 1, end))));
      at = end;
    } else parts.push(literal(character));
  }
  return parts;
}

/** So many `many` a regular expression may try against each other before that takes noticeable time. */
const FEW = 3;

/** Whether a text as a whole is what the parts say. Never takes longer than the text's length times the pattern's. */
export function matcherOf(parts: readonly GlobPart[]): (text: string) => boolean {
  if (parts.filter((part) => part.kind === "many").length > FEW) return (text) => walk(parts, text);
  const expression = new RegExp(`^${sourceOf(parts)}$`, "su");
  return (text) => expression.test(text);
}

function sourceOf(parts: readonly GlobPart[]): string {
  let source = "";
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at];
    if (part?.kind === "maybe") {
      source += `(?:${sourceOf(parts.slice(at + 1, at + 1 + part.length))})?`;
      at += part.length;
    } else if (part !== undefined) source += part.kind === "many" ? `${part.source}*` : part.source;
  }
  return source;
}

/** All places in the pattern that the text so far may have led to, at once: nothing is ever tried again. */
function walk(parts: readonly GlobPart[], text: string): boolean {
  let places = new Set<number>();
  enter(parts, places, 0);
  for (const character of text) {
    const next = new Set<number>();
    for (const at of places) {
      const part = parts[at];
      if (part === undefined || part.kind === "maybe" || !part.accepts(character)) continue;
      enter(parts, next, part.kind === "one" ? at + 1 : at);
    }
    if (next.size === 0) return false;
    places = next;
  }
  return places.has(parts.length);
}

function enter(parts: readonly GlobPart[], places: Set<number>, place: number): void {
  const waiting = [place];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (places.has(at)) continue;
    places.add(at);
    const part = parts[at];
    if (part?.kind === "many" || part?.kind === "maybe") waiting.push(at + 1);
    if (part?.kind === "maybe") waiting.push(at + 1 + part.length);
  }
}

function literal(character: string): GlobPart {
  return { kind: "one", source: quoted(character), accepts: (other) => other === character };
}

function oneOf(source: string): GlobPart {
  const expression = new RegExp(`^${source}$`, "su");
  return { kind: "one", source, accepts: (character) => expression.test(character) };
}

function literalAt(characters: readonly string[], at: number): string {
  const character = characters[at];
  if (character === undefined) throw new SyntaxError("the pattern ends with a backslash");
  return character;
}

function classEnd(characters: readonly string[], start: number): number {
  for (let at = start + 1; at < characters.length; at++) {
    if (characters[at] === "\\") at++;
    else if (characters[at] === "]" && at > start + 1) return at;
  }
  throw new SyntaxError("a [ of the pattern has no ]");
}

function characterClass(inside: readonly string[]): string {
  const isNegated = inside[0] === "^";
  const parts = isNegated ? inside.slice(1) : inside;
  let source = "";
  for (let at = 0; at < parts.length; at++) {
    const character = parts[at] ?? "";
    if (character === "\\") source += classQuoted(literalAt(parts, ++at));
    else source += character === "-" && at > 0 && at < parts.length - 1 ? "-" : classQuoted(character);
  }
  return `[${isNegated ? "^/" : ""}${source}]`;
}

function quoted(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

function classQuoted(character: string): string {
  return /[\\\]^[-]/.test(character) ? `\\${character}` : character;
}
