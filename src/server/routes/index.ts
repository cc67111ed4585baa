import type { ContainerRuntime } from "../../runtime/index.ts";
import { buildkitRoutes } from "../buildkit/index.ts";
import type { Route } from "../router.ts";
import { archiveRoutes } from "./archive.ts";
import { buildRoutes } from "./build.ts";
import { containerStreamRoutes } from "./container-streams.ts";
import { containerRoutes } from "./containers.ts";
import { execRoutes } from "./exec.ts";
import { imageTransferRoutes } from "./image-transfers.ts";
import { imageRoutes } from "./images.ts";
import { lifecycleRoutes } from "./lifecycle.ts";
import { networkRoutes } from "./networks.ts";
import { systemRoutes } from "./system.ts";
import { unservedRoutes } from "./unserved.ts";
import { volumeRoutes } from "./volumes.ts";

/** The whole Docker Engine API that is served; the first match wins. */
export function dockerRoutes(runtime: ContainerRuntime): readonly Route[] {
  return [
    ...buildkitRoutes(runtime),
    ...systemRoutes,
    ...containerRoutes,
    ...lifecycleRoutes,
    ...containerStreamRoutes,
    ...archiveRoutes,
    ...execRoutes,
    ...imageTransferRoutes,
    ...imageRoutes,
    ...buildRoutes,
    ...networkRoutes,
    ...volumeRoutes,
    ...unservedRoutes,
  ];
}
