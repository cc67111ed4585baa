import type { Stack } from "../spec/index.ts";
import type { Context } from "./context.ts";

/** The stack with each image named by the digest that its registry has for it now. */
export async function withDigests(context: Context, stack: Stack): Promise<Stack> {
  const runtime = await context.runtime();
  const pinned = await Promise.all(
    Object.entries(stack.services).map(async ([name, service]) => {
      if (service.image === undefined) return [name, service] as const;
      const full = fullName(service.image);
      if (full.includes("@")) return [name, { ...service, image: full }] as const;
      const { digest } = await runtime.images.resolve(full);
      return [name, { ...service, image: `${full}@${digest}` }] as const;
    }),
  );
  return { ...stack, services: Object.fromEntries(pinned) };
}

/** `nginx` as `docker.io/library/nginx:latest`; a tag beside a digest goes. */
function fullName(reference: string): string {
  const [named = "", digest] = reference.split("@");
  const [first = "", ...rest] = named.split("/");
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const path = hasRegistry ? named : `docker.io/${rest.length === 0 ? "library/" : ""}${named}`;
  const colon = path.lastIndexOf(":");
  const hasTag = colon > path.lastIndexOf("/");
  if (digest !== undefined) return `${hasTag ? path.slice(0, colon) : path}@${digest}`;
  return hasTag ? path : `${path}:latest`;
}
