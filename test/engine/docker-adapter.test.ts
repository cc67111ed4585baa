import { conformance } from "../runtime/conformance/index.ts";
import { type Dockerd, findPeers, importBusybox, startDockerd } from "./support/dockerd.ts";

// The reference engine keeps the contract too: what it does differently is no contract.
let dockerd: Dockerd | undefined;

conformance({
  name: "docker (over dockerd 28)",
  image: "busybox:latest",
  hidesManualStop: true,
  async open() {
    dockerd = await startDockerd(findPeers());
    await importBusybox(dockerd.runtime, "busybox:latest");
    return dockerd.runtime;
  },
  async close() {
    await dockerd?.stop();
  },
});
