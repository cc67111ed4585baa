import { describe, expect, it } from "vitest";
import { apparmorProfileOf, defaultProfile } from "../../../../src/runtime/engine/oci/apparmor.ts";

const machine = { hasAppArmor: true };

describe("apparmorProfileOf", () => {
  it("is dockerd's choice", () => {
    expect(apparmorProfileOf({}, machine)).toBe("docker-default");
    expect(apparmorProfileOf({ privileged: true }, machine)).toBe("unconfined");
    expect(apparmorProfileOf({ securityOptions: ["apparmor=unconfined"] }, machine)).toBe("unconfined");
    expect(apparmorProfileOf({ securityOptions: ["apparmor:mine"], privileged: true }, machine)).toBe("mine");
  });

  it("is none where the kernel has no AppArmor", () => {
    expect(apparmorProfileOf({ securityOptions: ["apparmor=mine"] }, { hasAppArmor: false })).toBeUndefined();
  });
});

describe("defaultProfile", () => {
  it("includes AppArmor's own policy where it is installed", () => {
    expect(defaultProfile(() => true)).toContain("#include <tunables/global>");
    expect(defaultProfile(() => true)).toContain("#include <abstractions/base>");
    expect(defaultProfile(() => false)).toMatch(/^@\{PROC\}=\/proc\/\n/);
    expect(defaultProfile(() => false)).not.toContain("#include");
  });
});
