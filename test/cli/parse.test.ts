import { describe, expect, it } from "vitest";
import { splitPlace } from "../../src/cli/commands/cp.ts";
import { parseBytes, parseMount, parseVolume } from "../../src/cli/parse-mount.ts";
import { parsePort } from "../../src/cli/parse-port.ts";
import { splitReference } from "../../src/cli/reference.ts";
import { splitCommand } from "../../src/cli/split-command.ts";
import { targetOf } from "../../src/cli/target.ts";
import { DetachKeys } from "../../src/cli/terminal-session.ts";
import { momentNs } from "../../src/cli/time-option.ts";

describe("ports", () => {
  it.each([
    ["80", [{ containerPort: 80, protocol: "tcp" }]],
    ["8080:80", [{ containerPort: 80, protocol: "tcp", hostPort: 8080 }]],
    ["127.0.0.1::53/udp", [{ containerPort: 53, protocol: "udp", hostIp: "127.0.0.1" }]],
    ["[::1]:8080:80", [{ containerPort: 80, protocol: "tcp", hostIp: "::1", hostPort: 8080 }]],
    ["8000-9000:80", [{ containerPort: 80, protocol: "tcp", hostPort: { first: 8000, last: 9000 } }]],
  ])("%s", (text, bindings) => {
    expect(parsePort(text)).toEqual(bindings);
  });

  it("pair ranges of the same length", () => {
    expect(parsePort("8000-8001:80-81").map(({ hostPort }) => hostPort)).toEqual([8000, 8001]);
  });

  it.each(["x", "80:", "9000-8000:80", "1-2:1-3", "70000"])("refuse %s", (text) => {
    expect(() => parsePort(text)).toThrow(/Invalid port/);
  });
});

describe("mounts", () => {
  it("with a slash are binds, without one volumes", () => {
    expect(parseVolume("./data:/data:ro", "/srv")).toEqual({
      type: "bind",
      source: "/srv/data",
      target: "/data",
      readOnly: true,
    });
    expect(parseVolume("data:/data", "/srv")).toEqual({ type: "volume", source: "data", target: "/data" });
    expect(parseVolume("/data", "/srv")).toEqual({ type: "volume", target: "/data" });
  });

  it("can be spelled out", () => {
    expect(parseMount("type=tmpfs,target=/t,tmpfs-size=1m", "/")).toEqual({
      type: "tmpfs",
      target: "/t",
      sizeBytes: 1_048_576,
    });
  });

  it("need an absolute place", () => {
    expect(() => parseVolume("data:rel", "/")).toThrow(/absolute path/);
  });

  it("take sizes in powers of 1024", () => {
    expect([parseBytes("512m"), parseBytes("1.5g"), parseBytes("7")]).toEqual([
      536_870_912, 1_610_612_736, 7,
    ]);
  });
});

describe("times", () => {
  it.each([
    ["10m", 3_400_000_000_000n],
    ["1h30m", 0n - 1_400_000_000_000n],
    ["100.5", 100_500_000_000n],
    ["1970-01-01T00:00:01.000000007Z", 1_000_000_007n],
    ["1970-01-02T00:00:00+00:00", 86_400_000_000_000n],
  ])("%s", (text, ns) => {
    expect(momentNs(text, 4_000_000)).toBe(ns);
  });

  it("refuse what is none", () => {
    expect(() => momentNs("yesterday", 0)).toThrow(/Invalid time "yesterday"/);
  });
});

describe("detach keys", () => {
  it("are found over several reads, and what turns out not to be them is passed on", () => {
    const keys = new DetachKeys("ctrl-p,ctrl-q");
    expect(keys.feed(Buffer.from("a\u0010"))).toEqual({ data: Uint8Array.from([0x61]), isComplete: false });
    expect(keys.feed(Buffer.from("b"))).toEqual({ data: Uint8Array.from([0x10, 0x62]), isComplete: false });
    keys.feed(Buffer.from("\u0010"));
    expect(keys.feed(Buffer.from("\u0011")).isComplete).toBe(true);
  });
});

describe("words", () => {
  it("are cut as a shell cuts them", () => {
    expect(splitCommand(`sh -c 'echo "a b"' x\\ y ""`)).toEqual(["sh", "-c", 'echo "a b"', "x y", ""]);
    expect(splitCommand("'open")).toBeUndefined();
  });

  it("of a reference", () => {
    expect(splitReference("localhost:5000/a/b:1")).toEqual({ repository: "localhost:5000/a/b", tag: "1" });
    expect(splitReference("localhost:5000/a")).toEqual({ repository: "localhost:5000/a", tag: "latest" });
  });

  it("of a place in a container", () => {
    expect(splitPlace("web:/etc")).toEqual({ name: "web", path: "/etc" });
    expect(splitPlace("./a:b")).toEqual({ path: "./a:b" });
  });
});

describe("where containers run", () => {
  const globals = { file: [], envFile: [], profile: [] };
  const io = (env: Record<string, string>) => ({ env, uid: 0 }) as unknown as Parameters<typeof targetOf>[1];

  it("is our engine unless somebody names another", () => {
    expect(targetOf(globals, io({})).kind).toBe("engine");
    expect(targetOf(globals, io({ DOCKER_HOST: "unix:///x.sock" }))).toEqual({
      kind: "docker",
      host: "unix:///x.sock",
    });
    expect(targetOf({ ...globals, runtime: "engine" }, io({ DOCKER_HOST: "unix:///x.sock" })).kind).toBe(
      "engine",
    );
  });

  it("is our engine when the named socket is our daemon's", () => {
    expect(targetOf(globals, io({ DOCKER_HOST: "unix:///run/stowage/stowage.sock" })).kind).toBe("engine");
  });
});
