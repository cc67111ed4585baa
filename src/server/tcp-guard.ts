import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { TcpOptions } from "./listen.ts";
import { json, type Reply } from "./reply.ts";

const LOOPBACK_NAMES = new Set(["localhost", "docker", "api.moby.localhost"]);

/**
 * What a browser could be made to send is refused on TCP: a foreign `Host` (DNS rebinding), any `Origin`
 * (cross-site requests), and a POST in one of the types that need no permission of the server.
 */
export function refusalOf(request: IncomingMessage, options: TcpOptions): Reply | undefined {
  const { host, origin, "content-type": contentType } = request.headers;
  if (origin !== undefined) return json({ message: "requests from web pages are not served" }, 403);
  const name = (host ?? "").replace(/:\d+$/, "").toLowerCase();
  if (!isOurs(name, options)) return json({ message: `requests for host "${name}" are not served` }, 403);
  if (
    request.method === "POST" &&
    /^(?:application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)/i.test(contentType ?? "") &&
    !isHijack(request)
  )
    return json({ message: `unsupported Content-Type header (${contentType})` }, 400);
  return undefined;
}

/** Only a name can be made to lead here by its owner: not an address, and not where we show a certificate. */
function isOurs(name: string, { host, tls }: TcpOptions): boolean {
  const isAddress = isIP(name.replace(/^\[|\]$/g, "")) !== 0;
  return tls !== undefined || isAddress || LOOPBACK_NAMES.has(name) || name === host;
}

/** The docker client sends `text/plain` with an upgrade, which no page can ask for. */
function isHijack(request: IncomingMessage): boolean {
  return request.headers.upgrade !== undefined;
}
