import { join } from "node:path";
import { Readable } from "node:stream";
import tar from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDockerRuntime } from "../../src/runtime/docker/index.ts";
import { type ContainerRuntime, type FolderSource, RuntimeError } from "../../src/runtime/index.ts";
import { type ApiServer, createApiServer } from "../../src/server/index.ts";
import { BUSYBOX, TestEngine } from "../support/test-engine.ts";

// What Docker's classic build has no word for, the way our own command line goes: adapter, socket, server, engine.
const engine = new TestEngine("build-adapter");
let server: ApiServer;
let runtime: ContainerRuntime;

beforeAll(async () => {
  server = createApiServer({ runtime: await engine.prepare() });
  const socket = join(engine.runDir, "api.sock");
  await server.listenOnSocket(socket);
  runtime = openDockerRuntime({ host: `unix://${socket}` });
}, 60_000);

afterAll(async () => {
  await runtime.close();
  await server.close();
  await engine.destroy();
});

function contextOf(files: Readonly<Record<string, string>>): Readable {
  const pack = tar.pack();
  for (const [name, text] of Object.entries(files)) pack.entry({ name }, text);
  pack.finalize();
  return pack as unknown as Readable;
}

/** The files of a build by name, folders without content. */
async function filesOf(
  dockerfileText: string,
  options: Partial<Parameters<ContainerRuntime["images"]["buildFiles"]>[0]> = {},
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  await runtime.images.buildFiles({ context: contextOf({}), dockerfileText, ...options }, async (files) => {
    const extract = tar.extract();
    files.once("error", (error) => extract.destroy(error));
    for await (const entry of files.pipe(extract)) {
      const parts: Buffer[] = [];
      for await (const part of entry) parts.push(part as Buffer);
      found[entry.header.name] = Buffer.concat(parts).toString();
    }
  });
  return found;
}

describe("a build over the adapter", () => {
  it("hands over its files and makes no image", async () => {
    const before = await runtime.images.list({ all: true });
    const text = `FROM ${BUSYBOX} AS b\nRUN mkdir -p /o/d && echo hi > /o/d/f && yes | head -c 3000000 > /o/big\nFROM scratch\nCOPY --from=b /o /`;
    const files = await filesOf(text);
    expect(Object.keys(files)).toEqual(["big", "d/", "d/f"]);
    expect(files["d/f"]).toBe("hi\n");
    expect(files["big"]?.length).toBe(3_000_000);
    expect(await runtime.images.list({ all: true })).toEqual(before);
  });

  it("takes a Dockerfile from elsewhere, which the image does not see", async () => {
    const text = "FROM scratch\nCOPY . /";
    const context = contextOf({ a: "1", "b.log": "2", ".dockerignore": "*.log\n" });
    expect(Object.keys(await filesOf(text, { context }))).toEqual([".dockerignore", "a"]);
    expect(Object.keys(await filesOf(text, { context: contextOf({ a: "1" }) }))).toEqual(["a"]);
  });

  it("takes of a folder what it does not have from the build before", async () => {
    const text = "FROM scratch\nCOPY . /";
    const all: Record<string, string> = { a: "1", b: "2", ".dockerignore": "*.log\n", "c.log": "3" };
    const asked: string[] = [];
    const context = (): FolderSource => ({
      key: "adapter",
      list: async () =>
        Object.entries(all).map(([path, { length }]) => ({
          path,
          isFolder: false,
          sizeBytes: length,
          fingerprint: all[path] ?? "",
        })),
      fetch: (entries) => {
        asked.push(...entries.map(({ path }) => path));
        return contextOf(Object.fromEntries(entries.map(({ path }) => [path, all[path] ?? ""])));
      },
      close: () => undefined,
    });
    expect(Object.keys(await filesOf(text, { context: context() }))).toEqual([".dockerignore", "a", "b"]);
    expect(asked.splice(0)).toEqual(["a", "b", ".dockerignore", "c.log"]);
    expect(Object.keys(await filesOf(text, { context: context() }))).toEqual([".dockerignore", "a", "b"]);
    expect(asked.splice(0)).toEqual([]);
    all["b"] = "changed";
    expect(await filesOf(text, { context: context() })).toMatchObject({ a: "1", b: "changed" });
    expect(asked).toEqual(["b"]);
  });

  it("tells what of a folder could not be listed or read, in the reader's words", async () => {
    const text = "FROM scratch\nCOPY . /";
    const broken = new RuntimeError("invalid", 'Cannot read "a" of the build context');
    const folder = (parts: Partial<FolderSource>): FolderSource => ({
      key: "broken",
      list: async () => [{ path: "a", isFolder: false, sizeBytes: 1 }],
      fetch: () => contextOf({ a: "1" }),
      close: () => undefined,
      ...parts,
    });
    const list = async () => {
      throw broken;
    };
    await expect(filesOf(text, { context: folder({ list }) })).rejects.toBe(broken);
    const fetch = () => new Readable({ read: (): void => void 0 }).destroy(broken);
    await expect(filesOf(text, { context: folder({ fetch }) })).rejects.toBe(broken);
    const outside = async () => [{ path: "../a", isFolder: false, sizeBytes: 1 }];
    await expect(filesOf(text, { context: folder({ list: outside }) })).rejects.toMatchObject({
      kind: "invalid",
      message: 'Cannot take over a folder: its listing names "../a", which cannot be in it',
    });
    expect(await filesOf(text, { context: folder({}) })).toEqual({ a: "1" });
  });

  it("takes secrets", async () => {
    const text = `FROM ${BUSYBOX} AS b\nRUN --mount=type=secret,id=s,required=true wc -c < /run/secrets/s > /n\nFROM scratch\nCOPY --from=b /n /n`;
    expect(await filesOf(text, { secrets: { s: Buffer.from("hush") } })).toEqual({ n: "4\n" });
  });

  it("tells a failure in the command's words, and hands over nothing", async () => {
    await expect(filesOf(`FROM ${BUSYBOX}\nRUN exit 7`)).rejects.toMatchObject({
      kind: "invalid",
      message: "The command '/bin/sh -c exit 7' returned a non-zero code: 7",
    });
  });
});
