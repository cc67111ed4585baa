import { describe, expect, it } from "vitest";
import { daemonPaths } from "../../src/daemon/daemon-paths.ts";

const socketOf = (env: Readonly<Record<string, string>>, uid: number) => daemonPaths(env, uid).socketPath;

describe("the daemon's socket", () => {
  it("is root's in /run, whatever a session says", () => {
    expect(socketOf({ XDG_RUNTIME_DIR: "/run/user/0", HOME: "/root" }, 0)).toBe("/run/stowage/stowage.sock");
  });

  it("is another user's in the folder of the session", () => {
    const env = { XDG_RUNTIME_DIR: "/run/user/1000", HOME: "/home/ann" };
    expect(socketOf(env, 1000)).toBe("/run/user/1000/stowage/stowage.sock");
  });

  it.each([
    [{ HOME: "/home/ann" }, "/home/ann/.local/share/stowage/run/stowage.sock"],
    [{ HOME: "/home/ann", XDG_RUNTIME_DIR: "" }, "/home/ann/.local/share/stowage/run/stowage.sock"],
    [{ HOME: "/home/ann", XDG_DATA_HOME: "/data/ann" }, "/data/ann/stowage/run/stowage.sock"],
    [{}, "/.local/share/stowage/run/stowage.sock"],
  ])("is below the user's own folder without a session, where nobody else makes one: %j", (env, path) => {
    expect(socketOf(env, 1000)).toBe(path);
  });

  it("is where STOWAGE_RUN says", () => {
    expect(socketOf({ STOWAGE_RUN: "/srv/run", XDG_RUNTIME_DIR: "/run/user/1000" }, 1000)).toBe(
      "/srv/run/stowage.sock",
    );
  });
});
