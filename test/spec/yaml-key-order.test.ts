import { expect, it } from "vitest";
import { compareYamlKeys } from "../../src/spec/yaml-key-order.ts";

/** As `docker compose config` prints them. */
const KEYS =
  "_A A B USE_HTTPS USER_NAME Z a a-1 a.1 a_b a0 a00 a1 a1b a1.5 a1.10 a1_ a01 a2 a2b a2_ a9 a09 a10 a10b a10x a010 a20 a100 ab b x9 x10 é";

it("keys have docker compose's order, whichever way they come", () => {
  const keys = KEYS.split(" ");
  expect(keys.toReversed().sort(compareYamlKeys)).toEqual(keys);
  expect([...keys].sort().sort(compareYamlKeys)).toEqual(keys);
});
