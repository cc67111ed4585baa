import { splitOnce } from "./event-log.ts";

/** Labels: `key` or `key=value`; all of them must match. */
export function matchesLabels(labels: Readonly<Record<string, string>>, wanted: readonly string[]): boolean {
  return wanted.every((entry) => {
    const [key, value] = splitOnce(entry, "=");
    return value === undefined ? key in labels : labels[key] === value;
  });
}

/** Part of a name, or a regular expression as Docker reads it. */
export function matchesText(text: string, wanted: readonly string[]): boolean {
  return wanted.some((pattern) => {
    if (text.includes(pattern)) return true;
    try {
      return new RegExp(pattern).test(text);
    } catch {
      return false;
    }
  });
}

export function truth(values: readonly string[] | undefined): boolean {
  return values?.some((value) => value === "true" || value === "1") === true;
}
