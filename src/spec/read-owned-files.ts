import { MAX_COPIED_FILE_SIZE } from "./limits.ts";
import type { Disk } from "./load-options.ts";
import type { FileObject, FileReference, Stack } from "./stack.ts";

/**
 * Reads the configs and secrets that a service wants with an owner or a mode of its own: they are copied into its
 * containers, where others are mounted. What is no file, or too large, is left to be mounted.
 */
export async function readOwnedFiles(stack: Stack, disk: Disk): Promise<Stack> {
  const services = Object.values(stack.services);
  const configs = await read(stack.configs, ownedIn(services.map((service) => service.configs)), disk);
  const secrets = await read(stack.secrets, ownedIn(services.map((service) => service.secrets)), disk);
  return { ...stack, configs, secrets };
}

function ownedIn(references: readonly (readonly FileReference[] | undefined)[]): ReadonlySet<string> {
  const owned = references.flatMap((ones = []) => ones.filter(hasOwner));
  return new Set(owned.flatMap(({ source }) => source ?? []));
}

function hasOwner({ uid, gid, mode }: FileReference): boolean {
  return uid !== undefined || gid !== undefined || mode !== undefined;
}

async function read(
  objects: Readonly<Record<string, FileObject>>,
  owned: ReadonlySet<string>,
  disk: Disk,
): Promise<Readonly<Record<string, FileObject>>> {
  if (owned.size === 0) return objects;
  const out: Record<string, FileObject> = Object.create(null);
  for (const [name, object] of Object.entries(objects)) {
    const fileContent = owned.has(name) ? await contentOf(object, disk) : undefined;
    out[name] = fileContent === undefined ? object : { ...object, fileContent };
  }
  return out;
}

async function contentOf({ file }: FileObject, disk: Disk): Promise<string | undefined> {
  if (file === undefined || (await disk.kindOf(file)) !== "file") return undefined;
  try {
    const bytes = await disk.readFile(file);
    return bytes.length > MAX_COPIED_FILE_SIZE ? undefined : Buffer.from(bytes).toString("base64");
  } catch {
    // Whoever mounts it says why it cannot be had.
    return undefined;
  }
}
