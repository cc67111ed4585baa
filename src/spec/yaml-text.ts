/** YAML in block style; mappings are `Map`s. Means the same in YAML 1.1 and 1.2: words such as `yes` are quoted. */
export function yamlText(value: unknown): string {
  return `${isInline(value) ? scalarText(value, "") : blockText(value, "")}\n`;
}

/** Starts where a line stands at `indent`, to which its other lines go. */
function blockText(value: unknown, indent: string): string {
  return value instanceof Map ? mapText(value, indent) : listText(value as readonly unknown[], indent);
}

function mapText(map: ReadonlyMap<unknown, unknown>, indent: string): string {
  const inner = `${indent}  `;
  let text = "";
  for (const [key, value] of map) {
    if (text !== "") text += `\n${indent}`;
    text += keyText(String(key), indent);
    text += isInline(value) ? ` ${scalarText(value, indent)}` : `\n${inner}${blockText(value, inner)}`;
  }
  return text;
}

function listText(list: readonly unknown[], indent: string): string {
  const items = list.map((item) =>
    isInline(item) ? scalarText(item, indent) : blockText(item, `${indent}  `),
  );
  return `- ${items.join(`\n${indent}- `)}`;
}

/** Whether it goes on in the line of its key or dash. */
function isInline(value: unknown): boolean {
  return value instanceof Map ? value.size === 0 : !Array.isArray(value) || value.length === 0;
}

/** A longer key is only read when it is announced. */
const LONGEST_PLAIN_KEY = 1000;

function keyText(key: string, indent: string): string {
  const text = isPlain(key) ? key : quoted(key);
  return text.length > LONGEST_PLAIN_KEY ? `? ${text}\n${indent}:` : `${text}:`;
}

function scalarText(value: unknown, indent: string): string {
  if (typeof value === "string") return stringText(value, indent);
  if (typeof value === "number") return numberText(value);
  if (value instanceof Map) return "{}";
  if (Array.isArray(value)) return "[]";
  return String(value ?? null);
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return ".nan";
  if (!Number.isFinite(value)) return value > 0 ? ".inf" : "-.inf";
  // YAML 1.1 takes 1e+21 for a text.
  return String(value).replace(/^(-?\d+)e/, "$1.0e");
}

function stringText(text: string, indent: string): string {
  if (isPlain(text)) return text;
  return text.includes("\n") && !NOT_LITERAL.test(text) ? literalText(text, `${indent}  `) : quoted(text);
}

/** Starts with space, which would set the indentation, or has lines of nothing but space, or what must be escaped. */
const NOT_LITERAL =
  /^\s|\n[ \t]+(?:\n|$)|[^\n\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;

function literalText(text: string, indent: string): string {
  const chomping = text.endsWith("\n\n") ? "+" : text.endsWith("\n") ? "" : "-";
  return `|${chomping}\n${indent}${text.replace(/\n$/, "").replaceAll(/\n(?=[^\n])/g, `\n${indent}`)}`;
}

/** What is read as something else than this text: by its signs, or by being of another type. */
const HAS_SIGNS = /^[,[\]{}#&*!|>'"%@`]|^[-?:](?: |$)|^(?:---|\.\.\.)|: |:$| #|^ | $/;
const IS_OTHER_TYPE =
  /^(?:|~|null|true|false|y|n|yes|no|on|off|<<|=|[-+]?0[box][\da-f_]+|[-+]?(?:\d[\d_]*\.?|\.)[\d_]*(?:e[-+]?\d+)?|[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?|[-+]?\.(?:inf|nan)|\d{4}-\d\d?-\d\d?.*)$/i;
const MUST_BE_ESCAPED = /[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;

function isPlain(text: string): boolean {
  return !HAS_SIGNS.test(text) && !IS_OTHER_TYPE.test(text) && !MUST_BE_ESCAPED.test(text);
}

function quoted(text: string): string {
  if (HAS_SIGNS.test(text) && !MUST_BE_ESCAPED.test(text)) return `'${text.replaceAll("'", "''")}'`;
  // JSON leaves these as they are; YAML 1.1 takes some of them for line breaks.
  return JSON.stringify(text).replace(
    /[\x7f-\x9f\u2028\u2029\ufeff\uffff\ufffe]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
