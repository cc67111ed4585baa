import type { Environment } from "./remote-cache.ts";

/** The path of a Compose file that lies elsewhere, brought onto this disk; rejects with the reason. */
export async function fetchRemoteFile(address: string, environment: Environment): Promise<string> {
  if (address.startsWith("oci://")) {
    const { fetchOciFile } = await import("./oci-remote.ts");
    return await fetchOciFile(address, environment);
  }
  const { fetchGitFile } = await import("./git-remote.ts");
  return await fetchGitFile(address, environment);
}
