import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDockerRuntime } from "../../../src/runtime/docker/index.ts";
import { openMemoryRuntime } from "../../../src/runtime/memory/index.ts";
import { createApiServer } from "../../../src/server/index.ts";
import { conformance } from "../conformance/index.ts";

// The port, over the wire, to the port: what the translation or a stream loses, the contract's suite misses.
let undo = async (): Promise<void> => undefined;

conformance({
  name: "docker (over our own server)",
  image: "busybox:latest",
  async open() {
    const dir = await mkdtemp(join(tmpdir(), "stowage-api-"));
    const inner = openMemoryRuntime({ images: { "busybox:latest": { files: { "/tmp/.keep": "" } } } });
    const server = createApiServer({ runtime: inner });
    const socket = join(dir, "api.sock");
    await server.listenOnSocket(socket);
    undo = async () => {
      await server.close();
      await inner.close();
      await rm(dir, { recursive: true });
    };
    return openDockerRuntime({ host: `unix://${socket}` });
  },
  async close(runtime) {
    await runtime.close();
    await undo();
  },
});
