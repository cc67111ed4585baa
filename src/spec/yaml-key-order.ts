/**
 * The order in which Go's yaml prints the keys of a map: letters by code, signs before letters, numbers by value
 * (`a2` before `a10`); after digits, letters come first.
 */
export function compareYamlKeys(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  const at = left.findIndex((character, index) => character !== right[index]);
  const [one, other] = at < 0 ? [undefined, undefined] : [left[at], right[at]];
  if (one === undefined || other === undefined) return left.length - right.length;
  if (isLetter(one) || isLetter(other)) {
    if (isLetter(one) && isLetter(other)) return codeOf(one) - codeOf(other);
    const isAfterDigit = isDigit(left[at - 1]);
    return isLetter(one) === isAfterDigit ? -1 : 1;
  }
  // A zero after other digits is part of their number.
  const isWithin = (one === "0" || other === "0") && hasNumberBefore(left, at);
  const numbers = [left, right].map((characters) => numberAt(characters, at, isWithin ? "1" : ""));
  const [first = "", second = ""] = numbers;
  return (
    Number(BigInt(first || "0") - BigInt(second || "0")) ||
    first.length - second.length ||
    codeOf(one) - codeOf(other)
  );
}

function hasNumberBefore(characters: readonly string[], at: number): boolean {
  for (let index = at - 1; index >= 0 && isDigit(characters[index]); index -= 1)
    if (characters[index] !== "0") return true;
  return false;
}

function numberAt(characters: readonly string[], at: number, before: string): string {
  let digits = before;
  for (let index = at; isDigit(characters[index]); index += 1) digits += characters[index];
  return digits;
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9" && character.length === 1;
}

function isLetter(character: string): boolean {
  return /^\p{L}$/u.test(character);
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}
