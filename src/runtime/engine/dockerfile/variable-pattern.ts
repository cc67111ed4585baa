/** A shell pattern (`*`, `?`, `\x`) as the source of a regular expression. */
export function globToPattern(glob: string, isGreedy: boolean): string {
  let pattern = "";
  for (let at = 0; at < glob.length; at++) {
    const character = glob.charAt(at);
    if (character === "*") pattern += isGreedy ? ".*" : ".*?";
    else if (character === "?") pattern += ".";
    else if (character === "\\" && at + 1 < glob.length) pattern += escaped(glob.charAt(++at));
    else pattern += escaped(character);
  }
  return pattern;
}

function escaped(character: string): string {
  return character.replace(/[.*+?^${}()|[\]\\/]/, "\\$&");
}
