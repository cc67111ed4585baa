import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { forCrunOnV1, isCrunOnV1 } from "../oci/crun-on-v1.ts";
import { ociText } from "../oci/oci-text.ts";
import type { OciConfig } from "../oci/types.ts";
import type { ContainersContext } from "./context.ts";
import { mountNested, type NestedMounts } from "./nested-mounts.ts";

/**
 * Writes what the OCI runtime reads (config.json), with what it must not mount itself mounted already. What is
 * resolved to lets go of those mounts; on failure nothing of them is left.
 */
export async function writeConfig(
  ctx: ContainersContext,
  id: string,
  { rootfsDir, config }: { readonly rootfsDir: string; readonly config: OciConfig },
): Promise<Pick<NestedMounts, "detach">> {
  const nested = await mountNested(ctx.host, ctx.oci.name, { rootfsDir, mounts: config.mounts });
  const left = { ...(isCrunOnV1(ctx) ? forCrunOnV1(config) : config), mounts: nested.left };
  try {
    await writeFile(join(ctx.layout.bundleDir(id), "config.json"), ociText(left));
    return nested;
  } catch (error) {
    await nested.detach();
    throw error;
  }
}
