import { afterAll, beforeAll, describe } from "vitest";
import { containersKeepTheContract } from "./containers.ts";
import { eventsKeepTheContract } from "./events.ts";
import { execKeepsTheContract } from "./exec.ts";
import { imagesKeepTheContract } from "./images.ts";
import { networksKeepTheContract } from "./networks.ts";
import { streamsKeepTheContract } from "./streams.ts";
import { Bench, type ConformanceSetup } from "./support.ts";
import { volumesKeepTheContract } from "./volumes.ts";

export type { ConformanceSetup } from "./support.ts";

/** The port's contract. Every adapter runs it; what it does not say, no caller may rely on. */
export function conformance(setup: ConformanceSetup): void {
  describe(`the ${setup.name} runtime keeps the port's contract`, () => {
    const bench = new Bench(setup);
    beforeAll(() => bench.open());
    afterAll(() => bench.close());
    containersKeepTheContract(bench);
    streamsKeepTheContract(bench);
    execKeepsTheContract(bench);
    eventsKeepTheContract(bench);
    networksKeepTheContract(bench);
    volumesKeepTheContract(bench);
    imagesKeepTheContract(bench);
  });
}
