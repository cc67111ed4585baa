import { readFileSync, statSync } from "node:fs";
import { parseResolvConf } from "../resolv-conf.ts";

const RECHECK_MS = 1000;

/** The machine's own resolvers, as its resolv.conf says now. */
export class HostServers {
  readonly #path: string;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #changedAt = 0;
  #servers: readonly string[] = [];

  constructor(path = "/etc/resolv.conf") {
    this.#path = path;
  }

  current(): readonly string[] {
    if (performance.now() - this.#checkedAt < RECHECK_MS) return this.#servers;
    this.#checkedAt = performance.now();
    try {
      const changedAt = statSync(this.#path).mtimeMs;
      if (changedAt === this.#changedAt) return this.#servers;
      this.#servers = parseResolvConf(readFileSync(this.#path, "utf8")).servers;
      this.#changedAt = changedAt;
    } catch {
      // Keep what was known: the file is being replaced, or there is none.
    }
    return this.#servers;
  }
}
