import type { LookupAddress, LookupOptions } from "node:dns";
import { lookup } from "node:dns";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { withExtraCertificates } from "./extra-certificates.ts";
import { contains, parseCidr, parseIp } from "./ip-address.ts";

const MAX_REDIRECTS = 10;
/** Nothing comes for so long: the other side is taken for gone. */
const STALL_MS = 60_000;

/** This machine and its link's neighbours: services that trust whoever reaches them, such as a cloud's metadata. */
const INNER = ["127.0.0.0/8", "0.0.0.0/8", "169.254.0.0/16", "::/127", "fe80::/10"].flatMap(
  (text) => parseCidr(text) ?? [],
);
/** IPv4 addresses inside IPv6: mapped, translated (RFC 6052), 6to4's and others' old forms are not routed any more. */
const IPV4_INSIDE = ["::ffff:0:0/96", "64:ff9b::/96"].flatMap((text) => parseCidr(text) ?? []);

/** A redirect that is not followed. */
export class UnsafeRedirect extends Error {
  override readonly name = "UnsafeRedirect";
}

/**
 * The answer to a GET, redirects followed, whatever its status; to be read or destroyed. Only http and https are
 * spoken, and no redirect leads from the outside to this machine or its link's neighbours, by address or by name:
 * what a name leads to is looked at when the connection is made. Rejects with `UnsafeRedirect`, or with what kept
 * the answer from coming.
 */
export async function openWeb(address: string, signal?: AbortSignal): Promise<IncomingMessage> {
  let url = new URL(address);
  const isStartInner = await leadsInside(url);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await get(url, { mayBeInner: isStartInner, signal });
    const { location } = response.headers;
    const isRedirect = [301, 302, 303, 307, 308].includes(response.statusCode ?? 0);
    if (!isRedirect || location === undefined) return response;
    response.destroy();
    const next = URL.canParse(location, url.href) ? new URL(location, url.href) : undefined;
    if (next === undefined || !isWeb(next) || (!isStartInner && isInner(hostOf(next))))
      throw new UnsafeRedirect(`it redirects to ${location}`);
    url = next;
  }
  throw new Error("too many redirects");
}

function isWeb({ protocol }: URL): boolean {
  return protocol === "http:" || protocol === "https:";
}

function get(
  url: URL,
  { mayBeInner, signal }: { readonly mayBeInner: boolean; readonly signal: AbortSignal | undefined },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = {
      agent: false,
      headers: { "user-agent": "stowage", accept: "*/*" },
      ...(mayBeInner ? {} : { lookup: lookUpOutside }),
      ...(signal === undefined ? {} : { signal }),
    };
    const outgoing =
      url.protocol === "https:"
        ? httpsRequest(url, { ...options, ...withExtraCertificates({}) })
        : httpRequest(url, options);
    outgoing.setTimeout(STALL_MS, () => outgoing.destroy(new Error(`nothing came for ${STALL_MS / 1000} s`)));
    outgoing.once("error", reject);
    outgoing.once("response", resolve);
    outgoing.end();
  });
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** Of an address; a name is none. */
function isInner(host: string): boolean {
  const ip = parseIp(host);
  if (ip === undefined) return false;
  if (INNER.some((cidr) => contains(cidr, ip))) return true;
  const isIpv4Inside = IPV4_INSIDE.some((cidr) => contains(cidr, ip));
  const inside = { family: 4 as const, value: ip.value & 0xffff_ffffn };
  return isIpv4Inside && INNER.some((cidr) => contains(cidr, inside));
}

function leadsInside(url: URL): Promise<boolean> {
  const host = hostOf(url);
  if (parseIp(host) !== undefined) return Promise.resolve(isInner(host));
  return new Promise((resolve) => {
    // A name that leads nowhere fails with more words when it is asked.
    lookup(host, { all: true }, (error, found) =>
      resolve(error === null && found.some(({ address }) => isInner(address))),
    );
  });
}

/** `dns.lookup`, but a name that leads inside leads nowhere. */
const lookUpOutside: LookupFunction = (hostname, options: LookupOptions, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    const [first] = found ?? [];
    if (error !== null || first === undefined) return callback(error, "");
    if (found.some(({ address }) => isInner(address)))
      return callback(new UnsafeRedirect(`it redirects to ${hostname}, which leads inside`), "");
    if (options.all === true) return callback(null, found);
    return callback(null, first.address, first.family);
  });
};
