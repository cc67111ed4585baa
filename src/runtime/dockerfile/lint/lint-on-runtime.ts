import { goArchitecture } from "../../../lib/go-architecture.ts";
import { type ContainerRuntime, hasKind } from "../../index.ts";
import { type LintReport, type LintRequest, lintDockerfile } from "./lint-dockerfile.ts";

/** `lintDockerfile` with what an engine knows: its own platform where none is asked for, and its images' variables. */
export async function lintOnRuntime(
  runtime: Pick<ContainerRuntime, "info" | "images">,
  request: Omit<LintRequest, "platform" | "envOf"> & { readonly platform: string | undefined },
): Promise<LintReport> {
  return lintDockerfile({ ...request, ...(await knownTo(runtime, request.platform)) });
}

export async function knownTo(
  runtime: Pick<ContainerRuntime, "info" | "images">,
  platform: string | undefined,
): Promise<Pick<LintRequest, "platform" | "envOf">> {
  return {
    platform: platform ?? `linux/${goArchitecture((await runtime.info()).architecture)}`,
    envOf: (image) =>
      runtime.images.inspect(image).then(
        ({ config }) => config.env ?? [],
        (error) => {
          if (hasKind(error, "not-found") || hasKind(error, "invalid")) return undefined;
          throw error;
        },
      ),
  };
}
