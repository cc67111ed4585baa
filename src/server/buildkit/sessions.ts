import type { Duplex } from "node:stream";
import { GrpcClient } from "./grpc-client.ts";
import { GRPC, GrpcError } from "./grpc-frames.ts";

const PATIENCE_MS = 10_000;

/** What one client lets us ask it for: files, secrets, credentials. */
export interface ClientSession {
  readonly client: GrpcClient;
  /** The same for builds of the same folder on the same machine, as far as the client tells. */
  readonly sharedKey: string;
  supports(method: string): boolean;
}

/** The sessions that are open, by the id that clients give them. */
export class Sessions {
  readonly #open = new Map<string, ClientSession>();
  readonly #waiting = new Map<string, Set<(session: ClientSession) => void>>();

  /** Resolves when the session has ended. */
  async add(
    id: string,
    { methods, sharedKey }: { readonly methods: readonly string[]; readonly sharedKey: string },
    socket: Duplex,
  ): Promise<void> {
    const client = new GrpcClient(socket);
    const known = new Set(methods.map((method) => method.toLowerCase()));
    const session = { client, sharedKey, supports: (method: string) => known.has(method.toLowerCase()) };
    this.#open.set(id, session);
    for (const resolve of this.#waiting.get(id) ?? []) resolve(session);
    this.#waiting.delete(id);
    await client.closed;
    if (this.#open.get(id) === session) this.#open.delete(id);
  }

  /** A build may be asked for before its session is there. */
  find(id: string): Promise<ClientSession> {
    const session = this.#open.get(id);
    if (session !== undefined) return Promise.resolve(session);
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const timer = setTimeout(() => {
        waiting.delete(found);
        reject(new GrpcError(GRPC.notFound, `no active session for ${id}: context deadline exceeded`));
      }, PATIENCE_MS);
      const found = (arrived: ClientSession): void => {
        clearTimeout(timer);
        resolve(arrived);
      };
      waiting.add(found);
    });
  }
}
