/** `NAME=SOFT[:HARD]`, -1 for no limit; undefined for anything else. */
export function readUlimit(
  text: string,
): { readonly name: string; readonly soft: number; readonly hard: number } | undefined {
  const [, name, soft, hard = soft] = /^(\w+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
  return name === undefined ? undefined : { name, soft: Number(soft), hard: Number(hard) };
}
