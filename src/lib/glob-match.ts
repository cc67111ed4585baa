const compiled = new Map<string, RegExp>();

/**
 * Shell patterns as Go's `path.Match` reads them: `*` and `?` stop at a slash, `[a-z]`, `[^a]`, `\x`. The whole
 * text must match. Throws on a malformed pattern.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let expression = compiled.get(pattern);
  if (expression === undefined) {
    expression = new RegExp(`^${globSource(pattern)}$`, "su");
    if (compiled.size > 500) compiled.clear();
    compiled.set(pattern, expression);
  }
  return expression.test(text);
}

/** The pattern as the source of a regular expression. */
export function globSource(pattern: string): string {
  let source = "";
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    if (character === "*") {
      // A run of stars is one: several in a row would only make matching slow.
      if (characters[at - 1] !== "*" || characters[at - 2] === "\\") source += "[^/]*";
    } else if (character === "?") source += "[^/]";
    else if (character === "\\") source += quoted(literalAt(characters, ++at));
    else if (character === "[") {
      const end = classEnd(characters, at);
      source += characterClass(characters.slice(at + 1, end));
      at = end;
    } else source += quoted(character);
  }
  return source;
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
