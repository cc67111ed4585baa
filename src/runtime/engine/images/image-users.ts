import type { Users } from "../parts.ts";

type ImageUser = Pick<ReturnType<Users["ofImage"]>[number], "id" | "isRunning">;

/** Whose images may not go: containers', and those of containers that are still being made. */
export class ImageUsers {
  readonly #users: Users;
  /** Ids of images by the id of the container that is being made. */
  readonly #settling = new Map<string, Set<string>>();

  constructor(users: Users) {
    this.#users = users;
  }

  /** Of containers that are there. */
  images(): readonly string[] {
    return this.#users.images();
  }

  ofImage(imageId: string): readonly ImageUser[] {
    const settling = [...this.#settling].filter(([, imageIds]) => imageIds.has(imageId));
    return [...this.#users.ofImage(imageId), ...settling.map(([id]) => ({ id, isRunning: false }))];
  }

  add(imageId: string, containerId: string): void {
    const imageIds = this.#settling.get(containerId) ?? new Set();
    this.#settling.set(containerId, imageIds.add(imageId));
  }

  settled(containerId: string): void {
    this.#settling.delete(containerId);
  }
}
