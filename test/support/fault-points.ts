import childProcess from "node:child_process";
import fs from "node:fs";
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { Worker } from "node:worker_threads";

/** What the engine does to the world: each call is a point at which it can be stopped or fail. */
const FILE_EFFECTS = [
  "chmod",
  "link",
  "mkdir",
  "open",
  "rename",
  "rm",
  "rmdir",
  "symlink",
  "unlink",
  "writeFile",
];
const SYNC_EFFECTS = ["linkSync", "mkdirSync", "renameSync", "rmSync", "rmdirSync", "unlinkSync"];

type Call = (...args: unknown[]) => unknown;

/** Ends the process before its nth effect (`kill`), or lets a file's effect fail as on a full disk. */
export interface Fault {
  readonly kind: "kill" | "ENOSPC";
  readonly at: number;
}

/** Counts this process's effects from now on; at the chosen one the fault happens. */
export class FaultPoints {
  readonly #fault: Fault;
  #count = 0;

  constructor(fault: Fault) {
    this.#fault = fault;
    for (const name of FILE_EFFECTS) this.#wrap(promises, name, (error) => Promise.reject(error));
    for (const name of SYNC_EFFECTS)
      this.#wrap(fs, name, (error) => {
        throw error;
      });
    this.#wrap(childProcess, "spawn");
    this.#wrap(Worker.prototype, "postMessage");
    syncBuiltinESMExports();
  }

  /** How many effects there were. */
  get count(): number {
    return this.#count;
  }

  #wrap(target: object, name: string, fail?: (error: Error) => unknown): void {
    const methods = target as Record<string, Call>;
    const original = methods[name];
    const fault = () => (++this.#count === this.#fault.at ? this.#fault.kind : undefined);
    methods[name] = function (this: unknown, ...args) {
      const reached = fault();
      if (reached === "kill") process.kill(process.pid, "SIGKILL");
      if (reached === "ENOSPC" && fail !== undefined)
        return fail(Object.assign(new Error(`ENOSPC: no space left on device, ${name}`), { code: "ENOSPC" }));
      return original?.apply(this, args);
    };
  }
}
