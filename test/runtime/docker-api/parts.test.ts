import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import {
  approximately,
  credentialsFromHeader,
  credentialsToHeader,
  errorFromWire,
  eventFromWire,
  eventToWire,
  FrameReader,
  filtersFromQuery,
  filtersToQuery,
  folderHeadToWire,
  folderUploadFromWire,
  frame,
  instantFromQuery,
  modeFromGo,
  modeToGo,
  nanosecondsFromWire,
  nanosecondsToWire,
  progressFromWire,
  progressToWire,
  stateFromStatusText,
  statusOf,
  statusText,
  WireObject,
} from "../../../src/runtime/docker-api/index.ts";
import { RuntimeError } from "../../../src/runtime/index.ts";

describe("filters", () => {
  it("are read in both encodings, key by key", () => {
    const text = '{"label":{"a=b":true,"c":false},"name":["x","y"]}';
    expect(filtersFromQuery(text)).toEqual({ label: ["a=b"], name: ["x", "y"] });
    expect(filtersFromQuery("")).toEqual({});
  });

  it.each(["bad", "[]", '{"a":"b"}', '{"a":[1]}', '{"a":{"b":1}}'])("are refused: %s", (text) => {
    expect(() => filtersFromQuery(text)).toThrow("invalid filter");
  });

  it("come back from what was written", () => {
    const filters = { label: ["a=b", "c"], status: ["running"] };
    expect(filtersFromQuery(filtersToQuery(filters))).toEqual(filters);
    expect(filtersToQuery({ label: [] })).toBeUndefined();
  });
});

describe("frames", () => {
  it("come out whole however the bytes are cut", () => {
    const bytes = Buffer.concat([
      frame("stdout", Buffer.from("one\n")),
      frame("stderr", Buffer.alloc(0)),
      frame("stderr", Buffer.from("two")),
    ]);
    for (let size = 1; size <= bytes.length; size += 1) {
      const reader = new FrameReader();
      const chunks = [];
      for (let at = 0; at < bytes.length; at += size)
        chunks.push(...reader.push(bytes.subarray(at, at + size)));
      expect(chunks.map(({ stream, data }) => [stream, Buffer.from(data).toString()])).toEqual([
        ["stdout", "one\n"],
        ["stderr", ""],
        ["stderr", "two"],
      ]);
    }
  });
});

describe("errors", () => {
  it("have the statuses that clients expect", () => {
    expect(statusOf(new RuntimeError("not-found", "x"))).toBe(404);
    expect(statusOf(new RuntimeError("already-exists", "x"))).toBe(409);
    expect(statusOf(new RuntimeError("internal", "x", { exitCode: 127 }))).toBe(400);
    expect(statusOf(new Error("x"))).toBe(500);
  });

  it("get back their exact kind from the header, and a likely one without", () => {
    expect(errorFromWire(409, "x", "already-exists").kind).toBe("already-exists");
    expect(errorFromWire(400, "x", "internal; exit=127")).toMatchObject({ kind: "internal", exitCode: 127 });
    expect(errorFromWire(409, 'The container name "/a" is already in use by container "b"').kind).toBe(
      "already-exists",
    );
    expect(errorFromWire(500, "Bind for 0.0.0.0:80 failed: port is already allocated").kind).toBe("conflict");
    expect(
      errorFromWire(400, 'OCI runtime create failed: exec: "x": executable file not found in $PATH').exitCode,
    ).toBe(127);
  });
});

describe("times", () => {
  it("keep their nanoseconds", () => {
    expect(nanosecondsToWire(1_795_289_857_177_889_818n)).toBe("2026-11-21T19:37:37.177889818Z");
    expect(nanosecondsFromWire("2026-11-21T19:37:37.177889818Z")).toBe(1_795_289_857_177_889_818n);
    expect(nanosecondsFromWire("2026-11-21T20:37:37.1+01:00")).toBe(1_795_289_857_100_000_000n);
    expect(instantFromQuery("1795289857.5")).toBe(1_795_289_857_500_000_000n);
    expect(instantFromQuery("bad")).toBeUndefined();
  });

  it.each([
    [0.4, "Less than a second"],
    [1, "1 second"],
    [59, "59 seconds"],
    [60, "About a minute"],
    [120, "2 minutes"],
    [3600, "About an hour"],
    [86_400, "24 hours"],
    [172_800, "2 days"],
    [1_209_600, "2 weeks"],
    [5_184_000, "2 months"],
    [63_072_000, "2 years"],
  ])("of %d seconds read %s", (seconds, text) => {
    expect(approximately(seconds)).toBe(text);
  });
});

describe("a status text", () => {
  const state = { pid: 1, exitCode: 3, error: "", oomKilled: false };
  const now = new Date(10_000);
  it("says what Docker says, and is read back", () => {
    const health = { status: "starting", failingStreak: 0, log: [] } as const;
    expect(statusText({ ...state, status: "running", startedAt: new Date(5000), health }, now)).toBe(
      "Up 5 seconds (health: starting)",
    );
    expect(statusText({ ...state, status: "exited", finishedAt: new Date(8000) }, now)).toBe(
      "Exited (3) 2 seconds ago",
    );
    expect(stateFromStatusText("Exited (137) 2 hours ago")).toEqual({ exitCode: 137 });
    expect(stateFromStatusText("Up 5 seconds (unhealthy)").health?.status).toBe("unhealthy");
  });
});

describe("an event", () => {
  it("keeps its nanoseconds and the fields of old clients", () => {
    const event = {
      type: "container",
      action: "die",
      id: "abc",
      attributes: { image: "busybox", name: "web", exitCode: "3" },
      timeNs: 1_795_289_857_177_889_818n,
    } as const;
    const line = eventToWire(event);
    expect(JSON.parse(line)).toMatchObject({ status: "die", id: "abc", from: "busybox", Type: "container" });
    expect(eventFromWire(line)).toEqual(event);
  });
});

describe("file modes", () => {
  it.each([
    [0o100644, 0o644],
    [0o040755, 2 ** 31 + 0o755],
    [0o120777, 2 ** 27 + 0o777],
    [0o104755, 2 ** 23 + 0o755],
    [0o041777, 2 ** 31 + 2 ** 20 + 0o777],
    [0o020666, 2 ** 26 + 2 ** 21 + 0o666],
    [0o060660, 2 ** 26 + 0o660],
  ])("%o is Go's %d, both ways", (unix, go) => {
    expect(modeToGo(unix)).toBe(go);
    expect(modeFromGo(go)).toBe(unix);
  });
});

describe("progress and credentials", () => {
  it("come back from the wire", () => {
    const progress = { id: "abc", status: "Downloading", currentBytes: 5, totalBytes: 10 };
    expect(progressFromWire(new WireObject(progressToWire(progress)))).toEqual(progress);
    expect(() => progressFromWire(new WireObject({ error: "manifest unknown" }))).toThrow("manifest unknown");
    const credentials = { username: "me", password: "p:w", serverAddress: "r.example" };
    expect(credentialsFromHeader(credentialsToHeader(credentials))).toEqual(credentials);
    expect(credentialsFromHeader("e30=")).toBeUndefined();
    expect(credentialsFromHeader("garbage!")).toBeUndefined();
  });
});

describe("a folder that is offered", () => {
  const entries = [
    { path: "a\nb", isFolder: true, sizeBytes: 0 },
    { path: "a\nb/c", isFolder: false, sizeBytes: 3, fingerprint: "f" },
  ];
  const bytes = Buffer.concat([
    Buffer.from(folderHeadToWire({ key: "k", entries, dockerfileText: "FROM é" })),
    Buffer.from("and\nthe tar"),
  ]);
  const upload = (...parts: readonly Buffer[]) => folderUploadFromWire(Readable.from(parts));

  it.each([1, 7, 64, bytes.length])("comes back however the bytes are cut: %i at a time", async (size) => {
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
    const { head, rest } = await upload(...parts);
    expect(head).toEqual({ key: "k", entries, dockerfileText: "FROM é" });
    const left: Buffer[] = [];
    for await (const part of rest) left.push(part);
    expect(Buffer.concat(left).toString()).toBe("and\nthe tar");
  });

  it.each(["", "{", "{}\n", "[]\n", '{"entries":[["a"]]}\n', '{"entries":[null]}\n', "no json\n"])(
    "is refused as %j",
    async (text) => {
      await expect(upload(Buffer.from(text))).rejects.toMatchObject({ kind: "invalid" });
    },
  );
});
