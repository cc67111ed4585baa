/** One `key=value`; a key alone has no value. */
export type KeyValue = readonly [key: string, value: string | undefined];

/**
 * The fields of `key=value,key=value`, in order, as docker's clients take them in `--mount`, `--output`, `--secret`, `--cache-from`
 * and Dockerfiles in `RUN --mount`: one line of CSV (RFC 4180), so that a field in double quotes may hold commas. Keys are trimmed,
 * in lower case.
 */
export function parseKeyValues(text: string): readonly KeyValue[] {
  return csvFields(text).map((field) => {
    const at = field.indexOf("=");
    const key = (at < 0 ? field : field.slice(0, at)).trim().toLowerCase();
    return [key, at < 0 ? undefined : field.slice(at + 1)];
  });
}

/** Quotes that do not begin a field are text. */
function csvFields(line: string): readonly string[] {
  const fields = line.matchAll(/(?<=^|,)(?:"((?:[^"]|"")*)"(?=,|$)|([^,]*))/g);
  return [...fields].map(([, quoted, plain = ""]) => quoted?.replaceAll('""', '"') ?? plain);
}
