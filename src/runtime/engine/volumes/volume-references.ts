import type { Users } from "../parts.ts";
import { Settling } from "../settling.ts";

/** Whose volumes may not go: containers', and those of containers that are still being made. */
export class VolumeReferences {
  readonly #users: Users;
  readonly #settling = new Settling();

  constructor(users: Users) {
    this.#users = users;
  }

  /** Ids of containers. */
  of(volumeName: string): readonly string[] {
    const made = this.#users.ofVolume(volumeName).map(({ id }) => id);
    return [...new Set([...made, ...this.#settling.usersOf(volumeName)])];
  }

  add(volumeName: string, containerId: string): void {
    this.#settling.add(volumeName, containerId);
  }

  /** The container speaks for itself from here on, or has come to nothing. */
  settled(containerId: string): void {
    this.#settling.settled(containerId);
  }
}
