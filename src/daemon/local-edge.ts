import type { Edge } from "../reconciler/index.ts";
import { buildContext } from "./build-context.ts";
import { credentialsFor } from "./credentials.ts";
import type { Environment } from "./daemon-paths.ts";

/**
 * What a pass needs from this machine; credentials are those of the user it runs as, who need not be the one who
 * asked: nobody does when a pass mends a stack. Nothing of it is loaded later: a daemon outlives the files it was
 * started from.
 */
export function localEdge(env: Environment): Edge {
  return { buildContext, credentialsFor: (reference) => credentialsFor(reference, env) };
}
