import type { ContainerRuntime } from "../runtime/index.ts";

const PROXIED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

/** Passes signals that we get on to a container's process; gives back how to stop doing so. */
export function proxySignals(runtime: ContainerRuntime, containerId: string): () => void {
  const handlers = PROXIED.map((name) => {
    // It may have ended meanwhile: then its end is what we report.
    const handler = () => void runtime.containers.kill(containerId, name).catch(() => {});
    process.on(name, handler);
    return () => process.off(name, handler);
  });
  return () => {
    for (const release of handlers) release();
  };
}
