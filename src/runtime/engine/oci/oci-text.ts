import type { OciConfig, OciProcess } from "./types.ts";

/** As the OCI runtime reads it. Unlimited rlimits are 2^64-1, more than a JSON number of ours can hold exactly. */
export function ociText(value: OciConfig | OciProcess): string {
  return JSON.stringify(value).replaceAll(/"(soft|hard)":18446744073709550000/g, '"$1":18446744073709551615');
}
