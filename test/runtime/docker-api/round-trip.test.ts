import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  containerInfoFromWire,
  containerInfoToWire,
  containerSpecFromWire,
  containerSpecToWire,
  imageInfoFromWire,
  imageInfoToWire,
  networkInfoFromWire,
  networkInfoToWire,
  statsFromWire,
  statsToWire,
  WireObject,
} from "../../../src/runtime/docker-api/index.ts";

function load(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`cases/${name}.json`, import.meta.url), "utf8"));
}

/** What a body really says: zero values, empty things and Docker's own defaults left out. */
function said(value: unknown, key = ""): unknown {
  if (value === null || value === "" || value === 0 || value === false) return undefined;
  if (key === "MemorySwappiness" && value === -1) return undefined;
  if (key === "NetworkMode" && value === "default") return undefined;
  if (key === "RestartPolicy" && (value as { Name?: string }).Name === "no") return undefined;
  if (Array.isArray(value)) {
    const items = value.map((item) => (typeof item === "string" ? item.replace(/:rw$/, "") : said(item)));
    return key === "ConsoleSize" || items.length === 0 ? undefined : items;
  }
  if (typeof value !== "object") return value;
  const entries = Object.entries(value)
    .map(([name, member]) => [name, said(member, name)] as const)
    .filter(([, member]) => member !== undefined);
  if (entries.length > 0) return Object.fromEntries(entries);
  // `{"80/tcp":{}}` is a set: what is empty in it is a name.
  return key.includes("/") ? {} : undefined;
}

const bodies = load("create-bodies");

describe("a container's creation", () => {
  it.each(Object.keys(bodies))("survives wire -> port -> wire: %s", (name) => {
    const body = bodies[name];
    const spec = containerSpecFromWire(new WireObject(body));
    const again = containerSpecToWire(spec);
    expect(said(again)).toEqual(said(body));
    expect(containerSpecFromWire(new WireObject(again))).toEqual(spec);
  });

  it("takes a lone text as a command of one word", () => {
    const spec = containerSpecFromWire(new WireObject({ Image: "x", Cmd: "sh", Entrypoint: [""] }));
    expect(spec).toEqual({ image: "x", command: ["sh"], entrypoint: [] });
  });

  it("says of a tmpfs that it is read-only", () => {
    const mount = { Type: "tmpfs", Target: "/t", ReadOnly: true };
    const spec = containerSpecFromWire(new WireObject({ Image: "x", HostConfig: { Mounts: [mount] } }));
    expect(spec.mounts).toEqual([{ type: "tmpfs", target: "/t", readOnly: true }]);
    expect(containerSpecToWire(spec)).toMatchObject({ HostConfig: { Mounts: [mount] } });
  });

  it.each(["/a:/b:r0", "/a:/b:ro,rw", "/a:/b:nocopy", "v:/b:rshared", "/a:/b:z,Z"])("refuses %s", (bind) => {
    const body = { Image: "x", HostConfig: { Binds: [bind] } };
    expect(() => containerSpecFromWire(new WireObject(body))).toThrow(/invalid mode|must not be specified/);
  });

  it("finds keys whatever their case, as Go does", () => {
    expect(containerSpecFromWire(new WireObject({ image: "x", hostconfig: { memory: 7 } }))).toEqual({
      image: "x",
      resources: { memoryBytes: 7 },
    });
  });

  it("names the path of a value of a wrong type", () => {
    expect(() => containerSpecFromWire(new WireObject({ HostConfig: { Memory: "1g" } }))).toThrow(
      "invalid JSON: HostConfig.Memory must be a number",
    );
  });
});

describe("what an engine answers", () => {
  it.each(["inspect-default", "inspect-full"])("survives wire -> port -> wire: %s", (name) => {
    const body = load(name);
    const info = containerInfoFromWire(new WireObject(body));
    const again = containerInfoToWire(info, { cgroupVersion: "1", ociRuntime: "runc", isExtended: false });
    const plain = (wire: unknown) =>
      JSON.parse(
        JSON.stringify(said(wire))
          .replaceAll(/("\w*(?:Created|StartedAt|Start|End)":"[^"]{23})\d*Z/g, "$1Z")
          .replaceAll(/"SandboxKey":"[^"]*"/g, '"SandboxKey":"x"'),
      );
    expect(plain(again)).toEqual(plain(body));
  });

  it("keeps the very specification between two ends of ours", () => {
    const spec = {
      image: "x",
      command: ["sh"],
      env: ["A=1"],
      mounts: [{ type: "volume", target: "/d" }],
    } as const;
    const info = { ...containerInfoFromWire(new WireObject(load("inspect-full"))), spec };
    const wire = containerInfoToWire(
      { ...info, state: { ...info.state, wasStoppedManually: true } },
      { cgroupVersion: "1", ociRuntime: "runc", isExtended: true },
    );
    const again = containerInfoFromWire(new WireObject(JSON.parse(JSON.stringify(wire))));
    expect(again.spec).toEqual(spec);
    expect(again.state.wasStoppedManually).toBe(true);
  });

  it("survives for a network, an image and a sample of statistics", () => {
    const network = load("network");
    expect(said(networkInfoToWire(networkInfoFromWire(new WireObject(network))))).toMatchObject({
      ...(said(network) as object),
      Created: expect.any(String),
    });
    const image = load("image");
    expect(said(imageInfoToWire(imageInfoFromWire(new WireObject(image)), 51))).toMatchObject({
      Id: image["Id"],
      RepoTags: image["RepoTags"],
      Config: said(image["Config"]) as object,
      RootFS: image["RootFS"],
    });
    const stats = load("stats");
    const sample = statsFromWire(new WireObject(stats));
    expect(said(statsToWire(sample, { id: String(stats["id"]), name: "web" }))).toMatchObject({
      cpu_stats: said(stats["cpu_stats"]) as object,
      precpu_stats: said(stats["precpu_stats"]) as object,
      memory_stats: said(stats["memory_stats"]) as object,
      networks: said(stats["networks"]) as object,
    });
  });
});
