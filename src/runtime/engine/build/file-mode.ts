import { RuntimeError } from "../../index.ts";

const BITS: Readonly<Record<string, number>> = { r: 4, w: 2, x: 1 };
const SHIFTS: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };

const OCTAL = /^[0-7]{1,5}$/;

/** Of `--chmod`: a number, that says all of a mode. */
export function isOctal(change: string | undefined): boolean {
  return OCTAL.test(change ?? "");
}

/** What `--chmod` makes of a mode: octal digits, or symbolic as chmod(1) has it. The file's kind does not change. */
export function changedMode(mode: number, change: string | undefined): number {
  const present = mode & 0o7777;
  if (change === undefined) return present;
  if (isOctal(change)) return Number.parseInt(change, 8) & 0o7777;
  const isFolder = (mode & 0o170000) === 0o040000;
  return change.split(",").reduce((result, clause) => applyClause(result, clause, isFolder), present);
}

/** `invalid` in Docker's words, before anything is copied. */
export function checkMode(change: string): void {
  if (isOctal(change)) return;
  for (const clause of change.split(",")) {
    if (!/^[ugoa]*(?:[-+=][rwxXst]*)+$/.test(clause))
      throw new RuntimeError(
        "invalid",
        `invalid chmod parameter: '${change}'. it should be octal string and between 0 and 07777`,
      );
  }
}

function applyClause(mode: number, clause: string, isFolder: boolean): number {
  const [, who = "", actions = ""] = /^([ugoa]*)(.*)$/.exec(clause) ?? [];
  const classes = who === "" || who.includes("a") ? ["u", "g", "o"] : [...new Set(who)];
  let result = mode;
  for (const [, operator = "", permissions = ""] of actions.matchAll(/([-+=])([rwxXst]*)/g)) {
    let mask = 0;
    let bits = 0;
    for (const name of classes) {
      const shift = SHIFTS[name] ?? 0;
      mask |= 7 << shift;
      for (const letter of permissions) bits |= bitOf(letter, name, shift, mode, isFolder);
    }
    result = operator === "+" ? result | bits : operator === "-" ? result & ~bits : (result & ~mask) | bits;
  }
  return result;
}

function bitOf(letter: string, name: string, shift: number, mode: number, isFolder: boolean): number {
  if (letter === "X") return isFolder || (mode & 0o111) !== 0 ? 1 << shift : 0;
  if (letter === "t") return 0o1000;
  if (letter === "s") return name === "u" ? 0o4000 : name === "g" ? 0o2000 : 0;
  return (BITS[letter] ?? 0) << shift;
}
