import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { extract, type Header, pack } from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EMPTY_FOLDER } from "../../../src/runtime/engine/rootfs/layer-filter.ts";
import { formatEntry } from "../../../src/runtime/engine/rootfs/tar/index.ts";
import type { ContainerRuntime, ContainerSpec } from "../../../src/runtime/index.ts";
import { BUSYBOX, TestEngine } from "../../support/test-engine.ts";

const engine = new TestEngine("files");
let runtime: ContainerRuntime;
let canary = "";

beforeAll(async () => {
  runtime = await engine.prepare();
  canary = mkdtempSync(join(tmpdir(), "stowage-canary-"));
  writeFileSync(join(canary, "secret"), "host only");
});
afterAll(async () => {
  await engine.destroy();
  rmSync(canary, { recursive: true });
});

async function make(
  script: string,
  { isRunning = true, ...spec }: Partial<ContainerSpec> & { isRunning?: boolean } = {},
) {
  const { id } = await runtime.containers.create({
    image: BUSYBOX,
    command: ["sh", "-c", script],
    networkMode: "none",
    ...spec,
  });
  if (isRunning) await runtime.containers.start(id);
  return id;
}

type Entry = Partial<Header> & { readonly name: string } & { readonly text?: string };

function tar(...entries: readonly Entry[]): Readable {
  const archive = pack();
  for (const { text, ...header } of entries)
    if (text === undefined) archive.entry(header);
    else archive.entry(header, text);
  archive.finalize();
  return Readable.from(archive);
}

async function untar(archive: Readable): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const reader = extract();
  archive.pipe(reader);
  for await (const entry of reader) {
    let text = "";
    for await (const chunk of entry) text += String(chunk);
    found[entry.header.name] = entry.header.type === "symlink" ? `-> ${entry.header.linkname}` : text;
  }
  return found;
}

async function inside(id: string, script: string): Promise<string> {
  const { containers } = runtime;
  const execId = await containers.createExec(id, {
    command: ["sh", "-c", script],
    attachStdout: true,
    attachStderr: true,
  });
  const session = await containers.startExec(execId);
  let text = "";
  for await (const { data } of session?.output ?? []) text += Buffer.from(data).toString();
  return text.trim();
}

describe("files out of a container", () => {
  it("come as a tar of the path's last name, links as links", async () => {
    const id = await make("mkdir -p /d/sub; echo a > /d/f; ln -s /etc/passwd /d/l; sleep 1000");
    const { containers } = runtime;
    await expect.poll(() => inside(id, "ls /d")).toBe("f\nl\nsub");
    const folder = await containers.readArchive(id, "/d");
    expect(await untar(folder.archive)).toEqual({
      "d/": "",
      "d/f": "a\n",
      "d/l": "-> /etc/passwd",
      "d/sub/": "",
    });
    expect((await untar((await containers.readArchive(id, "/d/.")).archive))["./f"]).toBe("a\n");
    expect(await untar((await containers.readArchive(id, "/d/l")).archive)).toEqual({ l: "-> /etc/passwd" });
    expect(await containers.statPath(id, "/d/l")).toMatchObject({ name: "l", linkTarget: "/etc/passwd" });
    expect((await containers.statPath(id, "/d")).mode & 0o170000).toBe(0o040000);
    await expect(containers.readArchive(id, "/none")).rejects.toThrow(
      `Could not find the file /none in container ${id}`,
    );
  });

  it("are those of its volumes too, running or not", async () => {
    const mounts = [{ type: "volume", source: "files-vol", target: "/data" }] as const;
    const id = await make("echo kept > /data/x; sleep 1000", { mounts });
    await expect.poll(() => inside(id, "cat /data/x")).toBe("kept");
    const read = async () => untar((await runtime.containers.readArchive(id, "/data/x")).archive);
    expect(await read()).toEqual({ x: "kept\n" });
    await runtime.containers.stop(id, { timeoutSeconds: 0 });
    expect(await read()).toEqual({ x: "kept\n" });
    expect(await untar((await runtime.containers.readArchive(id, "/data")).archive)).toMatchObject({
      "data/x": "kept\n",
    });
    await runtime.containers.remove(id);
    await runtime.volumes.remove("files-vol");
  });

  it("are what the image has there, before the first start with an empty volume, too", async () => {
    const id = await make("true", { isRunning: false, mounts: [{ type: "volume", target: "/bin" }] });
    const { archive } = await runtime.containers.readArchive(id, "/bin");
    expect(Object.keys(await untar(archive))).toContain("bin/busybox");
    await runtime.containers.remove(id, { volumes: true });
  });

  it("are exported without what is mounted", async () => {
    const id = await make("true", { isRunning: false });
    const files = await untar(await runtime.containers.export(id));
    expect(Object.keys(files)).toContain("bin/busybox");
    expect(files["etc/passwd"]).toContain("root:x:0:0");
  });

  it("are told apart from the image's", async () => {
    const id = await make("echo x > /new; rm /bin/vi; echo y >> /etc/passwd");
    await runtime.containers.wait(id);
    expect(await runtime.containers.changes(id)).toEqual(
      expect.arrayContaining([
        { path: "/new", kind: "added" },
        { path: "/bin/vi", kind: "deleted" },
        { path: "/etc/passwd", kind: "modified" },
      ]),
    );
  });
});

describe("a part of a volume, of a container that does not run", () => {
  it("is inside the volume, wherever another container's links lead", async () => {
    const { containers, volumes } = runtime;
    const script = [
      `ln -s ${dirname(canary)} /v/out`,
      `mkdir -p /v/real/${basename(canary)}`,
      `echo mine > /v/real/${basename(canary)}/secret`,
      "ln -s /real /v/in",
    ].join("; ");
    const owner = await make(script, { mounts: [{ type: "volume", source: "led", target: "/v" }] });
    await containers.wait(owner);
    const partly = (link: string) => {
      const subpath = `${link}/${basename(canary)}`;
      return make("true", {
        isRunning: false,
        mounts: [{ type: "volume", source: "led", target: "/data", subpath }],
      });
    };
    const led = await partly("out");
    await expect(containers.statPath(led, "/data/secret")).rejects.toMatchObject({ kind: "not-found" });
    await expect(containers.readArchive(led, "/data/.")).rejects.toMatchObject({ kind: "not-found" });
    const written = containers.writeArchive(led, "/data", tar({ name: "new", text: "" }));
    await expect(written).rejects.toMatchObject({ kind: "not-found" });
    expect(readdirSync(canary)).toEqual(["secret"]);
    const kept = await partly("in");
    const { archive } = await containers.readArchive(kept, "/data/secret");
    expect(await untar(archive)).toEqual({ secret: "mine\n" });
    for (const id of [owner, led, kept]) await containers.remove(id);
    await volumes.remove("led");
    await expect.poll(() => mountsBelow(join(engine.runDir, "subpaths"))).toEqual([]);
  });
});

describe("a mount, of a container that does not run", () => {
  it("is there where its folder is missing, the container has a link, or the machine has one", async () => {
    const { containers, volumes } = runtime;
    const bound = join(canary, "bound");
    mkdirSync(bound);
    symlinkSync(bound, join(canary, "link"));
    const donor = await make("true", { isRunning: false });
    const link = tar(
      { name: "real", type: "directory" },
      { name: "led", type: "symlink", linkname: "/real" },
    );
    await containers.writeArchive(donor, "/", link);
    const { imageId } = await containers.commit(donor);
    const id = await make("cat /led/d/f /aa/bb/f /bound/f", {
      isRunning: false,
      image: imageId,
      mounts: [
        { type: "volume", source: "below", target: "/led/d" },
        { type: "volume", source: "below", target: "/led/read-only", readOnly: true },
        { type: "volume", source: "missing", target: "/aa/bb" },
        { type: "bind", source: join(canary, "link"), target: "/bound" },
      ],
    });
    for (const folder of ["/led/d", "/aa/bb", "/bound"])
      await containers.writeArchive(id, folder, tar({ name: "f", text: `${folder}\n` }));
    await expect(containers.writeArchive(id, "/led/read-only", tar())).rejects.toThrow(
      "mounted volume is marked read-only",
    );
    const at = async (name: string) => join((await volumes.inspect(name)).mountpoint, "f");
    expect(readFileSync(await at("below"), "utf8")).toBe("/led/d\n");
    expect(readFileSync(await at("missing"), "utf8")).toBe("/aa/bb\n");
    expect(readFileSync(join(bound, "f"), "utf8")).toBe("/bound\n");
    await containers.start(id);
    expect((await containers.wait(id)).exitCode).toBe(0);
    for (const used of [id, donor]) await containers.remove(used);
    for (const name of ["below", "missing"]) await volumes.remove(name);
    for (const name of ["bound", "link"]) rmSync(join(canary, name), { recursive: true });
  });
});

describe("a commit", () => {
  it("by a name that no image can have reads no files", async () => {
    const { containers } = runtime;
    const id = await make("true", { isRunning: false });
    // More than a pipe holds, so that nobody's reader would wait for ever.
    await containers.writeArchive(id, "/", tar({ name: "big", text: "x".repeat(1 << 20) }));
    const reference = `app@sha256:${"a".repeat(64)}`;
    await expect(containers.commit(id, { reference })).rejects.toThrow(
      "refusing to create a tag with a digest reference",
    );
    expect(spawnSync("pgrep", ["-f", `^tar .*--directory=${engine.rootDir}`]).status).toBe(1);
    await containers.remove(id);
  });
});

describe("a mount of an image, of a container that does not run", () => {
  it("is read, not written, and gone again afterwards", async () => {
    const { containers } = runtime;
    const mounts = [{ type: "image", source: BUSYBOX, target: "/img" }] as const;
    const id = await make("sleep 1000", { isRunning: false, mounts });
    const read = await containers.readArchive(id, "/img/bin/busybox");
    await containers.start(id);
    await containers.stop(id, { timeoutSeconds: 0 });
    expect(Object.keys(await untar(read.archive))).toEqual(["busybox"]);
    await expect(containers.writeArchive(id, "/img/bin", tar({ name: "new", text: "" }))).rejects.toThrow(
      "mounted volume is marked read-only",
    );
    const left = () => mountsBelow(engine.runDir).filter((path) => path.includes(id));
    await expect.poll(left).toEqual([]);
    const { archive } = await containers.readArchive(id, "/img/bin/busybox");
    await containers.remove(id);
    archive.resume();
    await expect.poll(left).toEqual([]);
  });
});

describe("a volume with driver options, of a container that does not run", () => {
  it("is mounted while its files are read or written, and as long as somebody runs with it", async () => {
    const { containers, volumes } = runtime;
    const device = join(canary, "device");
    mkdirSync(device);
    const driverOptions = { type: "none", o: "bind", device };
    const mounts = [{ type: "volume", source: "elsewhere", target: "/data", driverOptions }] as const;
    const id = await make("cat /data/f; sleep 1000", { isRunning: false, mounts });
    await containers.writeArchive(id, "/data", tar({ name: "f", text: "kept" }));
    expect(readFileSync(join(device, "f"), "utf8")).toBe("kept");
    await expect.poll(() => mountsBelow(engine.rootDir)).toEqual([]);
    const { archive } = await containers.readArchive(id, "/data/f");
    await containers.start(id);
    expect(await untar(archive)).toEqual({ f: "kept" });
    const { mountpoint } = await volumes.inspect("elsewhere");
    expect(mountsBelow(engine.rootDir)).toEqual([mountpoint]);
    expect(await inside(id, "cat /data/f")).toBe("kept");
    const running = await containers.readArchive(id, "/data/f");
    await containers.stop(id, { timeoutSeconds: 0 });
    expect(await untar(running.archive)).toEqual({ f: "kept" });
    await expect.poll(() => mountsBelow(engine.rootDir)).toEqual([]);
    await containers.remove(id);
    await volumes.remove("elsewhere");
    expect(readdirSync(device)).toEqual(["f"]);
    rmSync(device, { recursive: true });
  });
});

const mountsBelow = (folder: string): readonly string[] =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => line.split(" ")[4] ?? [])
    .filter((path) => path.startsWith(`${folder}/`));

describe("files into a container", () => {
  it("keep mode, owner, time, links; missing folders are made", async () => {
    const id = await make("sleep 1000");
    const mtime = new Date(1_600_000_000_000);
    await runtime.containers.writeArchive(
      id,
      "/tmp",
      tar(
        { name: "a/b/deep", text: "deep\n", mode: 0o640, uid: 5, gid: 6, mtime },
        { name: "l", type: "symlink", linkname: "a/b/deep" },
        { name: "h", type: "link", linkname: "a/b/deep" },
        { name: "p", type: "fifo", mode: 0o600 },
        { name: "dir", type: "directory", mode: 0o1777, mtime },
      ),
    );
    expect(
      await inside(
        id,
        "cat /tmp/l; stat -c '%a %u %g %Y %h' /tmp/h; stat -c %F /tmp/p; stat -c '%a %Y' /tmp/dir",
      ),
    ).toBe("deep\n640 5 6 1600000000 2\nfifo\n1777 1600000000");
  });

  it("go over what is there, and into a compressed archive's place", async () => {
    const id = await make("mkdir -p /t/f/x; ln -s /etc/passwd /t/link; sleep 1000");
    await expect.poll(() => inside(id, "ls /t")).toBe("f\nlink");
    await runtime.containers.writeArchive(
      id,
      "/t",
      tar({ name: "f", text: "file\n" }, { name: "link", text: "mine\n" }),
    );
    expect(await inside(id, "cat /t/f /t/link; grep -c root /etc/passwd")).toBe("file\nmine\n1");
    const gzip = spawn("gzip", ["-c"], { stdio: ["pipe", "pipe", "inherit"] });
    tar({ name: "z", text: "zipped\n" }).pipe(gzip.stdin);
    await runtime.containers.writeArchive(id, "/t", gzip.stdout);
    expect(await inside(id, "cat /t/z")).toBe("zipped");
    const options = { noOverwriteDirNonDir: true };
    await expect(
      runtime.containers.writeArchive(id, "/t", tar({ name: "f", type: "directory" }), options),
    ).rejects.toThrow("cannot overwrite non-directory");
  });

  it("are refused where they cannot go", async () => {
    const id = await make("sleep 1000", { readOnlyRootfs: true });
    const { containers } = runtime;
    await expect(containers.writeArchive(id, "/tmp", tar({ name: "x", text: "" }))).rejects.toMatchObject({
      kind: "forbidden",
    });
    await expect(containers.writeArchive(id, "/etc/passwd", tar())).rejects.toThrow(
      "extraction point is not a directory",
    );
    await expect(containers.writeArchive(id, "/none", tar())).rejects.toMatchObject({ kind: "not-found" });
    const writable = await make("sleep 1000");
    await expect(
      containers.writeArchive(writable, "/tmp", Readable.from([Buffer.from("garbage".repeat(200))])),
    ).rejects.toMatchObject({ kind: "invalid" });
  });
});

describe("a hostile container", () => {
  it("leads nothing out by links, names or races", async () => {
    const id = await make(
      `ln -s ${canary} /out; ln -s ../../../../../../..${canary} /up; mkdir /in; sleep 1000`,
    );
    await expect.poll(() => inside(id, "ls -d /in")).toBe("/in");
    const { containers } = runtime;
    for (const path of ["/out/secret", "/up/secret", `/in/../../../..${canary}/secret`])
      await expect(containers.readArchive(id, path)).rejects.toMatchObject({ kind: "not-found" });
    for (const name of ["../escaped", "a/../../escaped", "/../escaped"])
      await expect(containers.writeArchive(id, "/in", tar({ name, text: "x" }))).rejects.toMatchObject({
        kind: "invalid",
      });
    await containers.writeArchive(id, "/", tar({ name: "out/evil", text: "x" })).catch(() => {});
    await containers
      .writeArchive(
        id,
        "/in",
        tar({ name: "s", type: "symlink", linkname: canary }, { name: "s/evil", text: "x" }),
      )
      .catch(() => {});
    await containers
      .writeArchive(id, "/in", tar({ name: "hard", type: "link", linkname: `${canary}/secret` }))
      .catch(() => {});
    expect(existsSync(join(canary, "evil"))).toBe(false);
    expect(readFileSync(join(canary, "secret"), "utf8")).toBe("host only");
  });

  it("gains nothing by swapping folders and links while files are copied", async () => {
    const swap = `mkdir -p /a /b; echo in > /a/secret; ln -s ${canary} /l; while true; do mv -T /a /c; mv -T /l /a; mv -T /a /l; mv -T /c /a; done`;
    const id = await make(swap);
    const { containers } = runtime;
    for (let n = 0; n < 150; n++) {
      const read = await containers.readArchive(id, "/a/secret").catch(() => undefined);
      if (read !== undefined) {
        const files = await untar(read.archive).catch(() => ({}));
        expect(Object.values(files).join()).not.toContain("host only");
      }
      await containers.writeArchive(id, "/", tar({ name: "a/evil", text: "x" })).catch(() => {});
    }
    expect(existsSync(join(canary, "evil"))).toBe(false);
  });
});

it("a file with a hole comes out as any client reads it, and goes in again", async () => {
  const id = await make("exec sleep 1000");
  await inside(
    id,
    "mkdir /from /to; dd if=/dev/zero of=/from/holed bs=1 count=1 seek=3M; echo end >> /from/holed",
  );
  const { archive } = await runtime.containers.readArchive(id, "/from/holed");
  const read = await untar(archive);
  expect(read["holed"]?.length).toBe((3 << 20) + 5);
  expect(read["holed"]?.replaceAll("\0", "")).toBe("end\n");
  const again = await runtime.containers.readArchive(id, "/from/holed");
  await runtime.containers.writeArchive(id, "/to", again.archive);
  expect(await inside(id, "cmp /from/holed /to/holed && echo same")).toBe("same");
  await runtime.containers.remove(id, { force: true });
});

describe("files larger than our memory should grow", () => {
  it("go in and out without being held in memory", async () => {
    const bytes = 96 << 20;
    const id = await make("exec sleep 1000");
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const look = () => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    };
    const piece = Buffer.alloc(1 << 16, "x");
    const archive = (function* () {
      yield formatEntry({ ...EMPTY_FOLDER, type: "file", name: "big", storedBytes: bytes, fileBytes: bytes });
      for (let at = 0; at < bytes; at += piece.length) {
        look();
        yield piece;
      }
      yield Buffer.alloc(1024);
    })();
    await runtime.containers.writeArchive(id, "/tmp", Readable.from(archive, { objectMode: false }));
    expect((await runtime.containers.statPath(id, "/tmp/big")).sizeBytes).toBe(bytes);
    let read = 0;
    for await (const data of (await runtime.containers.readArchive(id, "/tmp/big")).archive) {
      read += (data as Buffer).length;
      look();
    }
    expect(read).toBeGreaterThan(bytes);
    expect(most).toBeLessThan(64 << 20);
    await runtime.containers.remove(id, { force: true });
  }, 180_000);
});
