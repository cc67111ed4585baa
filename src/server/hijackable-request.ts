import { IncomingMessage } from "node:http";

/**
 * A request class for `createServer` that lets some requests end the HTTP conversation as an upgrade does,
 * asked for or not: Node's parser looks at `upgrade` once the head is read, and hands over the connection
 * with all that follows the head. A request with an `Upgrade` header that no route wants is an ordinary one.
 */
export function hijackableRequest(takesOver: (request: IncomingMessage) => boolean): typeof IncomingMessage {
  return class HijackableRequest extends IncomingMessage {
    #answer: boolean | undefined;

    get upgrade(): boolean {
      if (this.url === undefined || this.url === "") return false;
      this.#answer ??= takesOver(this);
      return this.#answer;
    }

    /** Node's parser writes what the headers say; the routes decide. */
    set upgrade(_asked: boolean | null) {}
  };
}
