import { createHash } from "node:crypto";
import { serviceHash as hashOf, type Service } from "../spec/index.ts";

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

const hashes = new WeakMap<Service, string>();

/** Compose's hash of a service's declaration; taken once, since every replica asks for it. */
export function serviceHash(service: Service): string {
  const known = hashes.get(service);
  if (known !== undefined) return known;
  const hash = hashOf(service);
  hashes.set(service, hash);
  return hash;
}
