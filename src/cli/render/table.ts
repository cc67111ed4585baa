import { escapeControls } from "./paint.ts";

const GAP = 3;

/**
 * Columns under headings, as wide as their widest cell, three blanks between: the form that scripts written for
 * docker cut apart. The last column is not padded. Ends with a newline.
 */
export function renderTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [
    headings,
    ...rows.map((row) => row.map((cell) => escapeControls(cell).replaceAll("\n", " "))),
  ];
  const widths = headings.map((_, column) =>
    Math.max(...lines.map((line) => displayWidth(line[column] ?? ""))),
  );
  return lines.map((line) => `${renderLine(line, widths)}\n`).join("");
}

function renderLine(line: readonly string[], widths: readonly number[]): string {
  return line
    .map((cell, column) =>
      column === line.length - 1 ? cell : cell + " ".repeat((widths[column] ?? 0) - displayWidth(cell) + GAP),
    )
    .join("")
    .trimEnd();
}

/** Columns of a terminal that the text takes: wide East Asian characters and emoji take two, combining ones none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const char of text) width += widthOf(char.codePointAt(0) ?? 0);
  return width;
}

function widthOf(code: number): number {
  if (code < 0x300) return 1;
  if (
    (code >= 0x300 && code <= 0x36f) ||
    code === 0x200b ||
    code === 0x200d ||
    (code >= 0xfe00 && code <= 0xfe0f)
  )
    return 0;
  const isWide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return isWide ? 2 : 1;
}

/** At most `limit` characters; what is cut is marked, as docker does. */
export function ellipsis(text: string, limit: number): string {
  return [...text].length <= limit ? text : `${[...text].slice(0, limit - 1).join("")}…`;
}
