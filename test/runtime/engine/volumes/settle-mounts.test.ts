import { describe, expect, it } from "vitest";
import { driverMountOf } from "../../../../src/runtime/engine/volumes/driver-options.ts";
import { draftMounts } from "../../../../src/runtime/engine/volumes/settle-mounts.ts";
import type { ContainerSpec, MountPoint } from "../../../../src/runtime/index.ts";

const drafts = (
  mounts: NonNullable<ContainerSpec["mounts"]>,
  imageVolumes: readonly string[] = [],
  inherited: readonly MountPoint[] = [],
) => draftMounts({ image: "x", mounts }, imageVolumes, inherited);
const summary = (...parameters: Parameters<typeof drafts>) =>
  drafts(...parameters).map((draft) =>
    draft.kind === "volume"
      ? `${draft.mount.target} volume ${draft.volume.name ?? "anonymous"}`
      : `${draft.mount.target} ${draft.mount.type} ${draft.mount.name ?? draft.mount.source}`,
  );

const donor: MountPoint = {
  type: "volume",
  name: "donor",
  source: "/d",
  target: "/b",
  mode: "z",
  isReadWrite: true,
  propagation: "",
};

describe("the mounts of a container", () => {
  it("are its own over another container's over the image's, by target", () => {
    expect(summary([{ type: "volume", source: "mine", target: "/a/" }], ["/a", "/b", "/c"], [donor])).toEqual(
      ["/a volume mine", "/b volume donor", "/c volume anonymous"],
    );
  });

  it("take the place of a volume of which nothing but the place is said", () => {
    const bare = (target: string) => ({ type: "volume", target }) as const;
    expect(summary([bare("/a"), { type: "bind", source: "/s", target: "/a/" }])).toEqual(["/a bind /s"]);
    expect(summary([bare("/b"), bare("/c"), bare("/c/")], [], [donor])).toEqual([
      "/b volume donor",
      "/c volume anonymous",
    ]);
  });

  it("taken from another container are neither filled nor removed with this one", () => {
    const [draft] = drafts([], [], [{ ...donor, isAnonymous: true } as MountPoint]);
    expect(draft?.mount).toMatchObject({ isAnonymous: false, noCopy: true });
  });

  it("of tmpfs have Docker's options unless they say the contrary", () => {
    const [draft] = drafts([
      { type: "tmpfs", target: "/t", sizeBytes: 1024, mode: 0o1770, options: ["exec", "uid=7"] },
    ]);
    expect(draft?.mount.options).toEqual(["nosuid", "nodev", "exec", "uid=7", "size=1024", "mode=1770"]);
  });

  it.each([
    [[{ type: "bind", source: "relative", target: "/x" }], /mount path must be absolute/],
    [[{ type: "volume", target: "relative" }], /mount path must be absolute/],
    [[{ type: "volume", target: "/a/.." }], /destination can't be '\/'/],
    [[{ type: "volume", target: "/x", subpath: "a/../../b" }], /subpath must be a relative path/],
    [[{ type: "image", source: "i", target: "/x", subpath: "/a" }], /subpath must be a relative path/],
    [
      [
        { type: "tmpfs", target: "/x" },
        { type: "volume", source: "v", target: "/x/" },
      ],
      /Duplicate mount point: \/x/,
    ],
  ] as const)("are refused: %j", (mounts, message) => {
    expect(() => drafts(mounts)).toThrow(message);
  });
});

describe("driver options", () => {
  it("say what to mount", () => {
    expect(driverMountOf({})).toBeUndefined();
    expect(driverMountOf({ type: "none", o: "rbind,ro", device: "/srv" })).toEqual({
      kind: "bind",
      device: "/srv",
      isReadOnly: true,
      isRecursive: true,
    });
    expect(driverMountOf({ type: "tmpfs", device: "tmpfs", o: "size=1m" })).toEqual({
      kind: "file-system",
      type: "tmpfs",
      device: "tmpfs",
      options: "size=1m",
    });
    expect(driverMountOf({ type: "nfs", device: ":/export", o: "addr=10.0.0.9,rw" })).toMatchObject({
      device: "10.0.0.9:/export",
    });
  });

  it.each([
    [{ speed: "fast" }, /invalid option: "speed"/],
    [{ type: "tmpfs" }, /missing device/],
    [{ device: "x" }, /missing type/],
    [{ o: "bind", device: "relative" }, /needs an absolute path/],
    [{ size: "1g" }, /no quota support/],
  ] as const)("are refused: %j", (options, message) => {
    expect(() => driverMountOf(options)).toThrow(message);
  });
});
