import type { Users } from "../parts.ts";
import { Settling } from "../settling.ts";

type ImageUser = Pick<ReturnType<Users["ofImage"]>[number], "id" | "isRunning">;

/** Whose images may not go: containers', and those of containers that are still being made. */
export class ImageUsers {
  readonly #users: Users;
  readonly #settling = new Settling();

  constructor(users: Users) {
    this.#users = users;
  }

  /** Of containers that are there. */
  images(): readonly string[] {
    return this.#users.images();
  }

  ofImage(imageId: string): readonly ImageUser[] {
    const settling = this.#settling.usersOf(imageId).map((id) => ({ id, isRunning: false }));
    return [...this.#users.ofImage(imageId), ...settling];
  }

  add(imageId: string, containerId: string): void {
    this.#settling.add(imageId, containerId);
  }

  settled(containerId: string): void {
    this.#settling.settled(containerId);
  }
}
