import { describe, expect, it } from "vitest";
import { checkEventFilters, matchesEvent, type RuntimeEvent } from "../../src/runtime/index.ts";

const event: RuntimeEvent = {
  type: "container",
  action: "health_status: healthy",
  id: "abc123",
  attributes: { name: "web", image: "shop/web:1", a: "1", b: "2" },
  timeNs: 1n,
};

describe("an event matches filters", () => {
  it.each([
    [{ event: ["health_status"] }, true],
    [{ event: ["health"] }, false],
    [{ container: ["web"] }, true],
    [{ container: ["abc"] }, true],
    [{ image: ["shop/web"] }, true],
    [{ network: ["web"] }, false],
    [{ label: ["a=1", "b"] }, true],
    [{ label: ["a=1", "c"] }, false],
    [{ type: ["image", "container"], label: ["b=2"] }, true],
    [{ type: ["image"], label: ["b=2"] }, false],
  ])("%j: %s", (filters, isMatch) => {
    expect(matchesEvent(event, filters)).toBe(isMatch);
  });

  it("only by keys that events have", () => {
    expect(() => checkEventFilters({ nosuch: ["1"] })).toThrow("invalid filter 'nosuch'");
  });
});
