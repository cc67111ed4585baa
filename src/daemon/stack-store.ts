import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "../lib/atomic-file.ts";
import { stableJson } from "../lib/stable-json.ts";
import type { Desired, Request } from "../planner/index.ts";
import type { DesiredStore } from "../reconciler/index.ts";
import { RuntimeError } from "../runtime/index.ts";

const FORMAT = 1;
const KEPT_REVISIONS = 20;

/** One desired state of a stack, as it was asked for. */
export interface StoredStack {
  readonly name: string;
  /** Counts the changes of what is desired, from 1. */
  readonly revision: number;
  readonly updatedAt: string;
  readonly desired: Desired;
  /** What was asked: the first word of the command. */
  readonly cause: Request["do"];
}

/**
 * Desired stacks on disk: `<name>/desired.json` is the current one, `<name>/revisions/<n>.json` what was applied
 * before. Files are written whole, so a crash leaves the old state or the new one. All of it is held in memory
 * too: there is one daemon to a root, and nobody else writes here.
 */
export class StackStore implements DesiredStore {
  readonly #dir: string;
  readonly #stacks = new Map<string, StoredStack>();
  readonly #broken = new Map<string, string>();

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Reads everything. A file that cannot be read is remembered as broken and left as it is. */
  static async open(dir: string): Promise<StackStore> {
    const store = new StackStore(dir);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      if (entry.isDirectory()) await store.#load(entry.name);
    }
    return store;
  }

  async names(): Promise<readonly string[]> {
    return [...this.#stacks.keys()].sort();
  }

  async get(name: string): Promise<Desired | undefined> {
    return this.#stacks.get(name)?.desired;
  }

  stored(name: string): StoredStack | undefined {
    return this.#stacks.get(name);
  }

  /** Stacks whose files cannot be read, and why. */
  get broken(): ReadonlyMap<string, string> {
    return this.#broken;
  }

  /** Throws `conflict` when what is stored cannot be read: only a whole new stack may take its place. */
  assertReadable(name: string): void {
    const problem = this.#broken.get(name);
    if (problem !== undefined) throw new RuntimeError("conflict", problem);
  }

  /** Makes `desired` the current state; the same again changes nothing. Survives a crash once it resolves. */
  async put(name: string, desired: Desired, cause: Request["do"]): Promise<StoredStack> {
    const current = this.#stacks.get(name);
    if (current !== undefined && stableJson(current.desired) === stableJson(desired)) return current;
    const stored: StoredStack = {
      name,
      revision: (current?.revision ?? (await this.#lastRevision(name))) + 1,
      updatedAt: new Date().toISOString(),
      desired,
      cause,
    };
    const revisions = join(this.#dir, name, "revisions");
    await mkdir(revisions, { recursive: true, mode: 0o700 });
    await this.#setBrokenAside(name);
    await writeFileAtomically(join(revisions, `${stored.revision}.json`), textOf(stored), {
      isDurable: false,
    });
    await this.#write(stored);
    await this.#dropOldRevisions(revisions, stored.revision);
    return stored;
  }

  /** More is known of what is asked for already: no new revision. */
  async amend(name: string, desired: Desired): Promise<void> {
    const current = this.#stacks.get(name);
    if (current !== undefined) await this.#write({ ...current, desired });
  }

  async #write(stored: StoredStack): Promise<void> {
    await writeFileAtomically(join(this.#dir, stored.name, "desired.json"), textOf(stored));
    this.#stacks.set(stored.name, stored);
  }

  /** Forgets the stack and its revisions. */
  async remove(name: string): Promise<void> {
    this.#stacks.delete(name);
    this.#broken.delete(name);
    await rm(join(this.#dir, name), { recursive: true, force: true });
  }

  async #load(name: string): Promise<void> {
    const path = join(this.#dir, name, "desired.json");
    try {
      const text = await readFile(path, "utf8");
      this.#stacks.set(name, parseStored(text, name));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
      const detail = error instanceof Error ? error.message : String(error);
      this.#broken.set(
        name,
        `Cannot read the stored state of stack "${name}": ${path}: ${detail}; \`up\` with its Compose files stores it anew`,
      );
    }
  }

  async #setBrokenAside(name: string): Promise<void> {
    if (!this.#broken.has(name)) return;
    const path = join(this.#dir, name, "desired.json");
    await rename(path, `${path}.broken`);
    this.#broken.delete(name);
  }

  async #lastRevision(name: string): Promise<number> {
    const files = await readdir(join(this.#dir, name, "revisions")).catch(() => []);
    return Math.max(0, ...files.map(revisionOf));
  }

  async #dropOldRevisions(dir: string, latest: number): Promise<void> {
    for (const file of await readdir(dir)) {
      if (revisionOf(file) <= latest - KEPT_REVISIONS) await rm(join(dir, file), { force: true });
    }
  }
}

function textOf(stored: StoredStack): string {
  return `${JSON.stringify({ format: FORMAT, ...stored }, undefined, 1)}\n`;
}

function revisionOf(file: string): number {
  const number = Number.parseInt(file, 10);
  return Number.isNaN(number) ? 0 : number;
}

function parseStored(text: string, name: string): StoredStack {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) throw new Error("not an object");
  const stored = value as Partial<StoredStack> & { readonly format?: unknown };
  if (stored.format !== FORMAT) throw new Error(`format ${String(stored.format)} is not ${FORMAT}`);
  const { desired, revision, updatedAt, cause } = stored;
  if (desired?.stack?.services === undefined || desired.services === undefined)
    throw new Error("no stack in it");
  if (typeof revision !== "number" || updatedAt === undefined || cause === undefined) {
    throw new Error("revision, updatedAt or cause is missing");
  }
  if (desired.stack.name !== name) throw new Error(`it holds stack "${desired.stack.name}"`);
  return { name, revision, updatedAt, cause, desired };
}
