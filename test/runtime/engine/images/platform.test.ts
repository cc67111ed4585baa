import { describe, expect, it } from "vitest";
import { pickPlatform } from "../../../../src/runtime/engine/images/manifest.ts";
import {
  machinePlatform,
  machineScore,
  parsePlatform,
  platformText,
} from "../../../../src/runtime/engine/images/platform.ts";

describe("a machine", () => {
  it.each([
    ["linux/amd64", ["linux/amd64", "linux/386"], ["linux/arm64", "linux/arm/v7", "windows/amd64"]],
    [
      "linux/arm64",
      ["linux/arm64/v8", "linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"],
      ["linux/amd64", "linux/386", "linux/arm64/v9"],
    ],
    ["linux/riscv64", ["linux/riscv64"], ["linux/386", "linux/arm/v5"]],
  ])("of %s runs %j, rather in this order, and not %j", (text, runs, others) => {
    const score = (offered: string) => machineScore(parsePlatform(text), parsePlatform(offered));
    expect([...runs].reverse().sort((one, other) => score(other) - score(one))).toEqual(runs);
    expect(runs.every((offered) => score(offered) > 0)).toBe(true);
    expect(others.map(score)).toEqual(others.map(() => 0));
  });
});

describe("an index", () => {
  const entryOf = (text: string) => ({
    mediaType: "",
    digest: `sha256:${text}`,
    size: 1,
    annotations: {},
    platform: parsePlatform(text),
  });

  it.skipIf(!["amd64", "arm64"].includes(machinePlatform().architecture))(
    "without the machine's platform has another that it runs, unless that very one is wanted",
    () => {
      const manifests = ["linux/s390x", "linux/386", "linux/arm/v7"].map(entryOf);
      const own = machinePlatform();
      expect(pickPlatform(manifests, undefined, "app").digest).toBe(
        own.architecture === "amd64" ? "sha256:linux/386" : "sha256:linux/arm/v7",
      );
      expect(() => pickPlatform(manifests, own, "app")).toThrow(
        `no matching manifest for ${platformText(own)} in the manifest list entries: app`,
      );
    },
  );
});
