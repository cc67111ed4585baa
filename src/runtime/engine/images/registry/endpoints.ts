import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { RuntimeError } from "../../../index.ts";
import type { TlsOptions } from "./http-request.ts";

export interface RegistrySettings {
  /** URLs to ask before Docker Hub, in order (`registry-mirrors` of daemon.json). */
  readonly mirrors?: readonly string[];
  /** `host`, `host:port` or CIDR that may be asked without TLS or verification (`insecure-registries`). */
  readonly insecure?: readonly string[];
  /** Folders with a folder for each `<host:port>`: its authorities (`*.crt`), ours for it (`*.cert` and `*.key`). */
  readonly certificateDirs?: readonly string[];
}

/** Where a registry may answer. */
export interface Endpoint {
  /** `https://host:port`. */
  readonly origin: string;
  readonly isMirror: boolean;
  readonly tls: TlsOptions;
  /** Certificates of authorities, beside those that everybody trusts. */
  readonly trusted: readonly string[];
}

const HUB = "docker.io";
const HUB_HOST = "registry-1.docker.io";
const CERTIFICATE_DIRS = ["/etc/stowage/certs.d", "/etc/docker/certs.d"];

/**
 * In the order to try. Plain http is only ever used with a registry that is named insecure or is this machine's
 * own loopback: a failing TLS is never a reason to go without.
 */
export function endpointsOf(domain: string, settings: RegistrySettings): readonly Endpoint[] {
  const host = domain === HUB ? HUB_HOST : domain;
  const { tls, trusted } = certificates(host, settings.certificateDirs ?? CERTIFICATE_DIRS);
  const encrypted = { origin: `https://${host}`, isMirror: false, tls, trusted };
  const own: Endpoint[] = isInsecure(host, settings)
    ? [
        { ...encrypted, tls: { ...tls, rejectUnauthorized: false } },
        { ...encrypted, origin: `http://${host}` },
      ]
    : [encrypted];
  return domain === HUB ? [...(settings.mirrors ?? []).map((url) => mirror(url, settings)), ...own] : own;
}

function mirror(text: string, settings: RegistrySettings): Endpoint {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "")
    throw new RuntimeError(
      "invalid",
      `invalid mirror: ${JSON.stringify(text)} is no http(s) URL without user and query`,
    );
  const { tls, trusted } = certificates(url.host, settings.certificateDirs ?? CERTIFICATE_DIRS);
  return {
    origin: url.origin,
    isMirror: true,
    tls: isInsecure(url.host, settings) ? { ...tls, rejectUnauthorized: false } : tls,
    trusted,
  };
}

export function isInsecure(host: string, settings: RegistrySettings): boolean {
  const name = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  if (isLoopback(name)) return true;
  return (settings.insecure ?? []).some((entry) => entry === host || entry === name || isInCidr(name, entry));
}

export function isLoopback(name: string): boolean {
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}

/** IPv4 only: IPv6 registries are named singly. */
function isInCidr(address: string, cidr: string): boolean {
  const match = /^(\d+\.\d+\.\d+\.\d+)\/(\d{1,2})$/.exec(cidr);
  if (match === null || isIP(address) !== 4) return false;
  const size = 2 ** (32 - Math.min(32, Number(match[2])));
  return Math.floor(ipv4(address) / size) === Math.floor(ipv4(match[1] ?? "") / size);
}

function ipv4(text: string): number {
  return text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** Of the first folder that knows the host. `invalid`, in dockerd's words, for half of a pair. */
function certificates(host: string, dirs: readonly string[]): Pick<Endpoint, "tls" | "trusted"> {
  const dir = host.includes("/") ? undefined : dirs.map((each) => join(each, host)).find(existsSync);
  if (dir === undefined) return { tls: {}, trusted: [] };
  const names = readdirSync(dir).sort();
  const read = (name: string) => readFileSync(join(dir, name), "utf8");
  const ours = names.filter((name) => name.endsWith(".cert"));
  const keys = names.filter((name) => name.endsWith(".key"));
  const keyOf = (name: string) => name.replace(/\.cert$/, ".key");
  for (const name of ours)
    if (!keys.includes(keyOf(name)))
      throw new RuntimeError(
        "invalid",
        `missing key ${keyOf(name)} for client certificate ${name}. CA certificates must use the extension .crt`,
      );
  for (const key of keys) {
    const name = key.replace(/\.key$/, ".cert");
    if (!ours.includes(name))
      throw new RuntimeError("invalid", `missing client certificate ${name} for key ${key}`);
  }
  return {
    tls: ours.length === 0 ? {} : { cert: ours.map(read), key: ours.map(keyOf).map(read) },
    trusted: names.filter((name) => name.endsWith(".crt")).map(read),
  };
}
