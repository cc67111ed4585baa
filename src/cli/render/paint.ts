import { UNSEEN } from "../../lib/unseen.ts";

type Painter = (text: string) => string;

export interface Palette {
  readonly red: Painter;
  readonly green: Painter;
  readonly yellow: Painter;
  readonly blue: Painter;
  readonly cyan: Painter;
  readonly dim: Painter;
  readonly bold: Painter;
}

const CODES = { red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const;

/** Colours, or text as it is. */
export function paint(isOn: boolean): Palette {
  const colour = (code: number): Painter =>
    isOn ? (text) => `\u001b[${code}m${text}\u001b[0m` : (text) => text;
  return {
    red: colour(CODES.red),
    green: colour(CODES.green),
    yellow: colour(CODES.yellow),
    blue: colour(CODES.blue),
    cyan: colour(CODES.cyan),
    dim: colour(2),
    bold: colour(1),
  };
}

/** One colour a service, the same each time: order of first use over a fixed wheel. */
export function colourWheel(isOn: boolean): (index: number) => Painter {
  const wheel = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94];
  return (index) => {
    const code = wheel[index % wheel.length];
    return isOn ? (text) => `\u001b[${code}m${text}\u001b[0m` : (text) => text;
  };
}

/**
 * Makes control characters of foreign text visible, so that nothing it says moves the cursor, sets the clipboard or
 * reads backwards.
 */
export function escapeControls(text: string): string {
  return text.replaceAll(UNSEEN, (char) => {
    const code = char.charCodeAt(0);
    if (char === "\t" || char === "\n") return char;
    if (code > 0xff) return `\\u${code.toString(16).padStart(4, "0")}`;
    return code < 0x20 ? `^${String.fromCharCode(code + 64)}` : `\\x${code.toString(16).padStart(2, "0")}`;
  });
}

const COLOUR = new RegExp(`(${String.fromCharCode(0x1b)}\\[[0-9;]*m)`);

/** The same for text that has colours of ours in it. */
export function escapeAllButColours(text: string): string {
  const parts = text.split(COLOUR);
  return parts.map((part, index) => (index % 2 === 0 ? escapeControls(part) : part)).join("");
}
