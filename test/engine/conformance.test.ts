import { afterAll } from "vitest";
import { conformance } from "../runtime/conformance/index.ts";
import { BUSYBOX, TestEngine } from "../support/test-engine.ts";

const engine = new TestEngine("conformance");

conformance({ name: "embedded", image: BUSYBOX, open: () => engine.prepare() });

afterAll(() => engine.destroy());
