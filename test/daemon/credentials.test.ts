import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { credentialsFor, eraseCredentials, storeCredentials } from "../../src/daemon/credentials.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "stowage-credentials-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const secret = { username: "me", password: "a:secret", serverAddress: "registry.lan:5000" };
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe("stored credentials", () => {
  it("are their owner's only, whatever the file was before", async () => {
    const env = { HOME: home };
    const path = await storeCredentials(secret, env);
    expect([modeOf(path), modeOf(join(home, ".docker"))]).toEqual(["600", "700"]);
    rmSync(join(home, ".docker"), { recursive: true });
    mkdirSync(join(home, ".docker"));
    writeFileSync(path, '{"psFormat":"x"}', { mode: 0o666 });
    await storeCredentials(secret, env);
    expect(modeOf(path)).toBe("600");
    expect(readFileSync(path, "utf8")).not.toContain("a:secret");
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ psFormat: "x" });
  });

  it("are found for their registry and no other, until they are erased", async () => {
    const env = { HOME: home };
    await storeCredentials(secret, env);
    expect(await credentialsFor("registry.lan:5000/team/app:1", env)).toEqual(secret);
    for (const other of [
      "registry.lan/app",
      "registry.lan:5001/app",
      "app",
      "evil.lan/registry.lan:5000/app",
    ])
      expect(await credentialsFor(other, env)).toBeUndefined();
    expect(await eraseCredentials("registry.lan:5000", env)).toBe(true);
    expect(await credentialsFor("registry.lan:5000/app", env)).toBeUndefined();
  });
});
