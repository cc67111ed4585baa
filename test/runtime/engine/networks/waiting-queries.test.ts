import { expect, it } from "vitest";
import { WaitingQueries } from "../../../../src/runtime/engine/networks/resolver/waiting-queries.ts";

const enterOften = (waiting: WaitingQueries, id: string) =>
  Array.from({ length: 5000 }, () => waiting.enter(id)).filter(Boolean).length;

it("containers that ask without end leave each other container its share of what waits", () => {
  const waiting = new WaitingQueries();
  expect([1, 2, 3, 4, 5, 6].map((n) => enterOften(waiting, `flood-${n}`))).toEqual([
    256, 256, 256, 256, 16, 16,
  ]);
  expect(waiting.enter("quiet")).toBe(true);
  waiting.leave("quiet");
  for (let n = 0; n < 256; n++) waiting.leave("flood-1");
  expect(enterOften(waiting, "quiet")).toBe(256 - 32 + 16 - 16);
});
