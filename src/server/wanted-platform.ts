import { type ImageInfo, RuntimeError } from "../runtime/index.ts";
import { invalid } from "./reply.ts";

interface WantedPlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** `platform` of a query, which comes as JSON; `platforms` where several may be removed. */
export function wantedPlatforms(
  query: URLSearchParams,
  key: "platform" | "platforms" = "platform",
): readonly WantedPlatform[] {
  return query
    .getAll(key)
    .filter((text) => text !== "")
    .map(parse);
}

function parse(text: string): WantedPlatform {
  try {
    const { os = "", architecture = "", variant } = JSON.parse(text);
    return { os, architecture, variant };
  } catch {
    throw invalid(`failed to parse platform: ${text}`);
  }
}

/** Each image here is of one platform. `not-found` for another one. */
export function checkPlatform(reference: string, image: ImageInfo, wanted: readonly WantedPlatform[]): void {
  for (const platform of wanted)
    if (!fits(image, platform))
      throw new RuntimeError(
        "not-found",
        `image with reference ${reference} was found but its platform (${platformText(image)}) does not match the specified platform (${platformText(platform)})`,
      );
}

export function fits(image: WantedPlatform, { os, architecture, variant }: WantedPlatform): boolean {
  return (
    image.os === os &&
    image.architecture === architecture &&
    (variant === undefined || variant === "" || image.variant === undefined || image.variant === variant)
  );
}

export function platformText({ os, architecture, variant = "" }: WantedPlatform): string {
  return [os, architecture, ...(variant === "" ? [] : [variant])].join("/");
}
