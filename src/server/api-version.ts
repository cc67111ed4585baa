import { API_VERSION, MIN_API_VERSION } from "../runtime/docker-api/index.ts";
import { json, type Reply, text } from "./reply.ts";

const NEWEST = minorOf(API_VERSION);
const OLDEST = minorOf(MIN_API_VERSION);

function minorOf(version: string): number {
  return Number(version.split(".")[1]);
}

export type Versioned =
  | { readonly path: string; readonly apiMinor: number }
  /** The version asked for is not served. */
  | { readonly refusal: Reply };

/** Takes `/v1.yy` off a path; without it the newest version is meant. */
export function splitVersion(path: string): Versioned {
  const match = /^\/v(\d{1,4})\.(\d{1,4})(\/.*)$/.exec(path);
  if (match === null) return { path, apiMinor: NEWEST };
  const [, major, minor, rest = "/"] = match;
  const asked = `${major}.${minor}`;
  // Version 1 is the only major there has ever been.
  const apiMinor = Number(minor) + (Number(major) - 1) * 1000;
  if (apiMinor < OLDEST)
    return {
      refusal: text(
        `client version ${asked} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version\n`,
        400,
      ),
    };
  if (apiMinor > NEWEST)
    return {
      refusal: json(
        {
          message: `client version ${asked} is too new. Maximum supported API version is ${API_VERSION}`,
        },
        400,
      ),
    };
  return { path: rest, apiMinor };
}
