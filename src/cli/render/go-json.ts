/** JSON as Go's encoder writes it: `<`, `>` and `&` escaped, which byte-comparing scripts may expect. */
export function goJson(value: unknown): string {
  return (JSON.stringify(value) ?? "null").replaceAll(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
