import { LABEL } from "../planner/index.ts";
import type { Context } from "./context.ts";
import { probe } from "./ensure-daemon.ts";

/** Names of one kind of thing that an engine has now; undefined where the kind is not known or no engine answers. */
export async function objectNames(context: Context, kind: string): Promise<readonly string[] | undefined> {
  const { target } = context;
  if (target.kind === "engine" && (await probe(target.paths.socketPath)) !== "answers") return undefined;
  const runtime = await context.runtime();
  switch (kind) {
    case "image":
      return (await runtime.images.list()).flatMap(({ repoTags }) => repoTags);
    case "container":
      return (await runtime.containers.list({ all: true })).map(({ name }) => name);
    case "volume":
      return (await runtime.volumes.list()).map(({ name }) => name);
    case "network":
      return (await runtime.networks.list()).map(({ name }) => name);
    case "stack": {
      const containers = await runtime.containers.list({ all: true, filters: { label: [LABEL.project] } });
      return [...new Set(containers.map(({ labels }) => labels[LABEL.project] ?? ""))];
    }
    default:
      return undefined;
  }
}
