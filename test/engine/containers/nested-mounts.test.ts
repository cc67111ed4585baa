import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContainerRuntime, MountSpec } from "../../../src/runtime/index.ts";
import { BUSYBOX, TestEngine } from "../../support/test-engine.ts";

const engine = new TestEngine("nested");
let runtime: ContainerRuntime;
let outside = "";

beforeAll(async () => {
  runtime = await engine.prepare();
  outside = mkdtempSync(join(tmpdir(), "stowage-outside-"));
});
afterAll(async () => {
  await engine.destroy();
  rmSync(outside, { recursive: true });
});

/** What a script prints with these mounts. */
async function output(mounts: readonly MountSpec[], script: string): Promise<string> {
  const { containers } = runtime;
  const { id } = await containers.create({
    image: BUSYBOX,
    command: ["sh", "-c", script],
    networkMode: "none",
    mounts,
  });
  try {
    await containers.start(id);
    expect(machineMounts(id)).toEqual([]);
    await containers.wait(id);
    let text = "";
    for await (const { data } of containers.logs(id)) text += Buffer.from(data).toString();
    return text.trim();
  } finally {
    await containers.remove(id, { force: true, volumes: true });
  }
}

/** Mounts on the machine below the root of a container. */
function machineMounts(id: string): readonly string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((path) => path.includes(`/mounts/${id}/`));
}

it("a file that is mounted read-only is made where it is missing, and is read-only", async () => {
  const source = join(outside, "settings");
  writeFileSync(source, "colour = blue");
  const script = "cat /settings /made/settings; echo x > /settings";
  const mounts = ["/settings", "/made/settings"].map(
    (target): MountSpec => ({ type: "bind", source, target, readOnly: true }),
  );
  const text = await output(mounts, script);
  expect(text).toContain("colour = bluecolour = blue");
  expect(readFileSync(source, "utf8")).toBe("colour = blue");
  rmSync(source);
});

describe("mounts in mounts", () => {
  it("have each their own options, whatever those around them have", async () => {
    mkdirSync(join(outside, "inner"));
    writeFileSync(join(outside, "file"), "of the machine");
    const text = await output(
      [
        { type: "bind", source: outside, target: "/v" },
        { type: "tmpfs", target: "/v/memory", options: ["size=1m", "mode=0700", "noexec"] },
        { type: "volume", source: "deep", target: "/v/memory/deep", readOnly: true },
        { type: "bind", source: join(outside, "inner"), target: "/v/read", readOnly: true },
        { type: "bind", source: join(outside, "file"), target: "/v/new/file", readOnly: true },
      ],
      `awk '$5 ~ "^/v" { split($6, o, ","); print $5, o[1] }' /proc/self/mountinfo
       stat -c '%a' /v/memory; df -m /v/memory | awk 'NR == 2 { print $2 }'
       cat /v/new/file; echo
       touch /v/ok && for place in /v/memory/deep/x /v/read/x /v/new/file; do touch $place; done 2>&1 | grep -c Read-only`,
    );
    expect(text.split("\n")).toEqual([
      "/v rw",
      "/v/memory rw",
      "/v/memory/deep ro",
      "/v/read ro",
      "/v/new/file ro",
      "700",
      "1",
      "of the machine",
      "3",
    ]);
    expect(readdirSync(outside).sort()).toEqual(["file", "inner", "memory", "new", "ok", "read"]);
  });

  it("are private, and no longer on the machine once the container runs", async () => {
    const text = await output(
      [
        { type: "volume", source: "one", target: "/one" },
        { type: "volume", source: "two", target: "/one/two" },
      ],
      `awk '$5 ~ "^/one" && /shared:|master:/' /proc/self/mountinfo; echo kept > /one/two/file; ls /one`,
    );
    expect(text).toBe("two");
    expect(await output([{ type: "volume", source: "two", target: "/x" }], "cat /x/file")).toBe("kept");
  });

  it("go where links of a volume lead in the container, never on the machine", async () => {
    const { mountpoint } = await runtime.volumes.create({ name: "linked" });
    symlinkSync("/etc", join(mountpoint, "elsewhere"));
    symlinkSync("/v/real", join(mountpoint, "known"));
    mkdirSync(join(mountpoint, "real"));
    const text = await output(
      [
        { type: "volume", source: "linked", target: "/v" },
        { type: "tmpfs", target: "/v/elsewhere/stowage-nested" },
        { type: "tmpfs", target: "/v/known/here" },
      ],
      `awk '$9 == "tmpfs" && /nested|here/ { print $5 }' /proc/self/mountinfo`,
    );
    expect(text.split("\n").sort()).toEqual(["/etc/stowage-nested", "/v/real/here"]);
    expect(readdirSync("/etc")).not.toContain("stowage-nested");
  });

  it.each<[string, MountSpec, RegExp]>([
    [
      "in what is read-only",
      { type: "tmpfs", target: "/v/missing" },
      /rootfs at "\/v\/missing": .*read-only file system/,
    ],
    ["a folder on a file", { type: "tmpfs", target: "/v/file" }, /rootfs at "\/v\/file": not a directory/],
  ])("are refused %s, and nothing is left", async (_where, mount, complaint) => {
    writeFileSync(join(outside, "file"), "");
    const { id } = await runtime.containers.create({
      image: BUSYBOX,
      command: ["true"],
      mounts: [{ type: "bind", source: outside, target: "/v", readOnly: true }, mount],
    });
    await expect(runtime.containers.start(id)).rejects.toThrow(complaint);
    expect(machineMounts(id)).toEqual([]);
    await runtime.containers.remove(id);
  });
});
