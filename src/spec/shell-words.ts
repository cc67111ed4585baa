/**
 * A command line as words, as Compose splits one (mattn/go-shellwords 1.0.12): quotes and backslashes as in a shell,
 * backquotes and `$(...)` keep their blanks; an unquoted `;`, `&`, `|`, `<` or `>` ends the command there.
 * Undefined when a quote or bracket is left open.
 */
export function shellWords(
  line: string,
): { readonly words: readonly string[]; readonly cutAt?: number } | undefined {
  const words: string[] = [];
  let word = "";
  let hasWord = false;
  let quote: "'" | '"' | "" = "";
  let isBackquoted = false;
  let isSubstitution = false;
  let isEscaped = false;
  let cutAt: number | undefined;
  let at = 0;
  for (const character of line) {
    const here = at;
    at += character.length;
    if (isEscaped) {
      word += character;
      isEscaped = false;
      hasWord = true;
      continue;
    }
    if (character === "\\") {
      if (quote === "'") word += character;
      else isEscaped = true;
      continue;
    }
    const isOpen = quote !== "" || isBackquoted || isSubstitution;
    if (character === " " || character === "\t" || character === "\r" || character === "\n") {
      if (isOpen) word += character;
      else if (hasWord) {
        words.push(word);
        word = "";
        hasWord = false;
      }
      continue;
    }
    if (character === "`" && quote === "" && !isSubstitution) isBackquoted = !isBackquoted;
    else if (character === ")" && quote === "" && !isBackquoted) isSubstitution = !isSubstitution;
    else if (character === "(" && quote === "" && !isBackquoted) {
      if (isSubstitution || !word.endsWith("$")) return undefined;
      isSubstitution = true;
    } else if ((character === '"' || character === "'") && !isSubstitution) {
      if (quote === character) {
        quote = "";
        hasWord = true;
        continue;
      }
      if (quote === "") {
        quote = character;
        continue;
      }
    } else if (ENDS.has(character) && !isOpen) {
      if (character === ">" && /^[0-9]/.test(word)) hasWord = false;
      cutAt = here;
      break;
    }
    hasWord = true;
    word += character;
  }
  if (isEscaped || quote !== "" || isBackquoted || isSubstitution) return undefined;
  if (hasWord) words.push(word);
  return cutAt === undefined ? { words } : { words, cutAt };
}

const ENDS = new Set([";", "&", "|", "<", ">"]);
