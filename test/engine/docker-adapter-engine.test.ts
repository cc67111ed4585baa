import { join } from "node:path";
import { openDockerRuntime } from "../../src/runtime/docker/index.ts";
import { type ApiServer, createApiServer } from "../../src/server/index.ts";
import { conformance } from "../runtime/conformance/index.ts";
import { BUSYBOX, TestEngine } from "../support/test-engine.ts";

// The way our own command line goes: adapter, socket, server, engine.
const engine = new TestEngine("adapter");
let server: ApiServer | undefined;

conformance({
  name: "docker (over our own engine)",
  image: BUSYBOX,
  async open() {
    server = createApiServer({ runtime: await engine.prepare() });
    const socket = join(engine.runDir, "api.sock");
    await server.listenOnSocket(socket);
    return openDockerRuntime({ host: `unix://${socket}` });
  },
  async close(runtime) {
    await runtime.close();
    await server?.close();
    await engine.destroy();
  },
});
