import { describe, expect, it } from "vitest";
import { effectiveOf } from "../../../../src/runtime/engine/containers/effective.ts";
import {
  type ContainerRecord,
  mayFollow,
  NEW_STATE,
  parseRecord,
  withState,
} from "../../../../src/runtime/engine/containers/record.ts";

const record: ContainerRecord = {
  version: 1,
  id: "a".repeat(64),
  name: "web",
  createdAt: 1,
  spec: { image: "busybox" },
  imageId: "sha256:1",
  imageConfig: {},
  imagePlatform: { os: "linux", architecture: "amd64" },
  mounts: [],
  endpoints: {},
  state: NEW_STATE,
};

describe("a container's record", () => {
  it("is read back as it was written, and nothing else is taken for one", () => {
    expect(parseRecord(JSON.stringify(record))).toEqual(record);
    for (const text of ["", "{}", "null", JSON.stringify(record).slice(0, -9), '{"version":2}'])
      expect(parseRecord(text)).toBeUndefined();
    expect(parseRecord(JSON.stringify({ ...record, state: { status: "flying" } }))).toBeUndefined();
  });

  it("moves only between states that may follow each other", () => {
    const running = withState(record, { status: "running" });
    expect(withState(running, { exitCode: 3, status: "exited" }).state).toMatchObject({ exitCode: 3 });
    expect(() => withState(withState(record, { status: "removing" }), { status: "running" })).toThrow(
      "from removing to running",
    );
    expect(mayFollow("created", "paused")).toBe(false);
    expect(mayFollow("removing", "dead")).toBe(true);
  });
});

describe("effectiveOf", () => {
  const image = {
    entrypoint: ["/entry"],
    cmd: ["serve"],
    env: ["PATH=/bin", "A=image", "B=image"],
    labels: { a: "image", b: "image" },
    user: "app",
  };
  it.each([
    [{}, "/entry", ["serve"]],
    [{ command: ["x"] }, "/entry", ["x"]],
    [{ entrypoint: ["/own"] }, "/own", []],
    [{ entrypoint: [], command: ["x", "y"] }, "x", ["y"]],
    [{ entrypoint: [""], command: ["x"] }, "x", []],
  ] as const)("%j starts %s %j", (spec, path, args) => {
    expect(effectiveOf({ image: "i", ...spec }, image, "id")).toMatchObject({ path, args });
  });

  it("puts the container's variables and labels over the image's; a bare name takes one away", () => {
    const effective = effectiveOf(
      { image: "i", env: ["A=own", "B", "C=own"], labels: { b: "own" } },
      image,
      "0123456789abcdef",
    );
    expect(effective.env).toEqual(["A=own", "B", "C=own", "PATH=/bin"]);
    expect(effective.labels).toEqual({ a: "image", b: "own" });
    expect(effective.hostname).toBe("0123456789ab");
    expect(effective.user).toBe("app");
  });

  it("folds a health check field by field", () => {
    const withCheck = { ...image, healthcheck: { test: ["CMD", "a"], intervalMs: 5, retries: 7 } };
    const spec = { image: "i", healthcheck: { intervalMs: 9, retries: 0 } };
    expect(effectiveOf(spec, withCheck, "id").healthcheck).toEqual({
      test: ["CMD", "a"],
      intervalMs: 9,
      retries: 7,
    });
    expect(effectiveOf({ image: "i" }, image, "id").healthcheck).toBeUndefined();
  });
});
