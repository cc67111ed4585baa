export { isRemote, openRemote } from "../server/index.ts";
export { buildContext } from "./build-context.ts";
export * from "./client.ts";
export { type DaemonOptions, runDaemon } from "./daemon.ts";
export { desiredFromWorld } from "./desired-from-world.ts";
export { localEdge } from "./local-edge.ts";
export { type OpenRuntimeOptions, openRuntimeForDaemon } from "./open-runtime.ts";
export { announceReady, READY_FD } from "./ready.ts";
