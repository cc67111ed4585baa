import { existsSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { RuntimeError } from "../../../index.ts";
import type { TlsOptions } from "./http-request.ts";

export interface RegistrySettings {
  /** URLs to ask before Docker Hub, in order (`registry-mirrors` of daemon.json). */
  readonly mirrors?: readonly string[];
  /** `host`, `host:port` or CIDR that may be asked without TLS or verification (`insecure-registries`). */
  readonly insecure?: readonly string[];
  /** Folders with `<host:port>/ca.crt`, `client.cert`, `client.key`. */
  readonly certificateDirs?: readonly string[];
}

/** Where a registry may answer. */
export interface Endpoint {
  /** `https://host:port`. */
  readonly origin: string;
  readonly isMirror: boolean;
  readonly tls: TlsOptions;
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
  const tls = certificates(host, settings.certificateDirs ?? CERTIFICATE_DIRS);
  const own: Endpoint[] = isInsecure(host, settings)
    ? [
        { origin: `https://${host}`, isMirror: false, tls: { ...tls, rejectUnauthorized: false } },
        { origin: `http://${host}`, isMirror: false, tls },
      ]
    : [{ origin: `https://${host}`, isMirror: false, tls }];
  return domain === HUB ? [...(settings.mirrors ?? []).map((url) => mirror(url, settings)), ...own] : own;
}

function mirror(text: string, settings: RegistrySettings): Endpoint {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "")
    throw new RuntimeError(
      "invalid",
      `invalid mirror: ${JSON.stringify(text)} is no http(s) URL without user and query`,
    );
  const tls = certificates(url.host, settings.certificateDirs ?? CERTIFICATE_DIRS);
  return {
    origin: url.origin,
    isMirror: true,
    tls: isInsecure(url.host, settings) ? { ...tls, rejectUnauthorized: false } : tls,
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

function certificates(host: string, dirs: readonly string[]): TlsOptions {
  for (const dir of dirs) {
    const read = (name: string) => {
      const path = join(dir, host, name);
      return existsSync(path) ? readFileSync(path, "utf8") : undefined;
    };
    if (host.includes("/") || !existsSync(join(dir, host))) continue;
    const [ca, cert, key] = [read("ca.crt"), read("client.cert"), read("client.key")];
    return {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    };
  }
  return {};
}
