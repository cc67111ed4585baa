import { networkHashText, serviceHashText, volumeHashText } from "./print-stack.ts";
import type { Network, Service, Volume } from "./stack.ts";

/** Compose's `com.docker.compose.config-hash` of a service: the same in docker compose, so stacks move between the tools. */
export function serviceHash(service: Service): string {
  return sha256(serviceHashText(service));
}

/** The same of a network. */
export function networkHash(network: Network): string {
  return sha256(networkHashText(network));
}

/** The same of a volume. */
export function volumeHash(volume: Volume): string {
  return sha256(volumeHashText(volume));
}

/** Node's crypto takes long to load, and most commands hash nothing. */
function sha256(text: string): string {
  return process.getBuiltinModule("node:crypto").createHash("sha256").update(text).digest("hex");
}
