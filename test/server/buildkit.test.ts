import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { type FileStat, tarOf } from "../../src/server/buildkit/file-sync.ts";
import { encodeGrpcMessage, grpcFrame, grpcMessages } from "../../src/server/buildkit/grpc-frames.ts";
import { imageDefinition, withInputs } from "../../src/server/buildkit/image-definition.ts";
import { ProtoMessage, ProtoWriter } from "../../src/server/buildkit/proto.ts";
import { excludePatterns } from "../../src/server/buildkit/solve-dockerfile.ts";
import { TAR_END, tarHeader, tarPadding } from "../../src/server/buildkit/tar-header.ts";

describe("protocol buffers", () => {
  it("come back as they were written, zero values left out", () => {
    const bytes = new ProtoWriter()
      .text(1, "héllo")
      .texts(2, ["a", "", "c"])
      .number(3, 2 ** 40)
      .number(4, -5)
      .flag(5, true)
      .number(6, 0)
      .map(7, { k: "v", empty: "" })
      .message(8, new ProtoWriter())
      .time(9, new Date(1500))
      .finish();
    const message = new ProtoMessage(bytes);
    expect(message.text(1)).toBe("héllo");
    expect(message.texts(2)).toEqual(["a", "", "c"]);
    expect([message.number(3), message.number(4), message.flag(5)]).toEqual([2 ** 40, -5, true]);
    expect([message.has(6), message.number(6)]).toEqual([false, 0]);
    expect(message.map(7)).toEqual({ k: "v", empty: "" });
    expect(message.has(8)).toBe(true);
    expect([message.message(9).number(1), message.message(9).number(2)]).toEqual([1, 500_000_000]);
  });

  it("that are cut or malformed are refused, not read past", () => {
    const whole = new ProtoWriter().text(1, "hello").finish();
    for (let end = 1; end < whole.length; end += 1)
      expect(() => new ProtoMessage(whole.subarray(0, end))).toThrow(RangeError);
    expect(() => new ProtoMessage(Buffer.alloc(20, 0xff))).toThrow(RangeError);
    expect(() => new ProtoMessage(Buffer.from([0x0b]))).toThrow("unknown type 3");
  });
});

describe("gRPC messages", () => {
  it("come out whole however the bytes are cut", async () => {
    const bytes = Buffer.concat([
      grpcFrame(Buffer.from("one")),
      grpcFrame(Buffer.alloc(0)),
      grpcFrame(Buffer.from("3")),
    ]);
    for (let size = 1; size <= bytes.length; size += 1) {
      const found: string[] = [];
      for await (const message of grpcMessages(cut(bytes, size))) found.push(message.toString());
      expect(found).toEqual(["one", "", "3"]);
    }
  });

  it("keep printable text readable in a status", () => {
    expect(encodeGrpcMessage('failed: exec "a b" 100% \n')).toBe('failed: exec "a b" 100%25 %0A');
  });
});

async function* from(parts: readonly string[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield Buffer.from(part);
}

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("an ignore file", () => {
  it("becomes the patterns of the client's walk", () => {
    expect(excludePatterns("\uFEFF# no\n/sub/\n!sub//keep\n\n  ./a/b \n*.log\r\n")).toEqual([
      "sub",
      "!sub/keep",
      "a/b",
      "*.log",
    ]);
  });
});

describe("an image as another target's input", () => {
  it("comes back as the image that a context names", () => {
    const id = `sha256:${"1".repeat(64)}`;
    const definition = new ProtoWriter().text(1, "dep").message(2, imageDefinition(id));
    const inputs = [new ProtoMessage(definition.finish())];
    const options = { "context:base": "input:dep", "context:other": "input:none", target: "input:dep" };
    expect(withInputs(options, inputs)).toEqual({ ...options, "context:base": `docker-image://${id}` });
  });
});

describe("the context's tar", () => {
  it("is read by tar, long and strange names included", () => {
    const name = `${"long/".repeat(30)}fil\u00e9`;
    const base = { mode: 0o644, modifiedAt: new Date(0), linkName: "" };
    const tar = Buffer.concat([
      tarHeader({ ...base, name: "dir/", type: "directory", size: 0, mode: 0o755 }),
      tarHeader({ ...base, name, type: "file", size: 3 }),
      Buffer.from("abc"),
      tarPadding(3),
      tarHeader({ ...base, name: "link", type: "symlink", size: 0, linkName: name }),
      TAR_END,
    ]);
    const listed = execFileSync("tar", ["tvf", "-", "--quoting-style=literal"], {
      input: tar,
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C.UTF-8" },
    });
    expect(listed).toContain(`${name}\n`);
    expect(listed).toContain(`link -> ${name}\n`);
    expect(execFileSync("tar", ["xOf", "-", name], { input: tar, encoding: "utf8" })).toBe("abc");
  });

  it("has of a file that grows what was there when it was listed, and is refused when one shrinks", async () => {
    const stat = {
      id: 0,
      path: "log",
      mode: 0o100644,
      size: 5,
      modifiedAtNs: 0n,
      linkName: "",
      hasData: true,
    };
    const tarWith = async (...parts: readonly string[]) => {
      async function* fetch(stats: readonly FileStat[]) {
        for (const one of stats) yield { stat: one, content: from(parts) };
      }
      const found: Buffer[] = [];
      for await (const piece of tarOf({ fetch }, [stat])) found.push(piece);
      return Buffer.concat(found);
    };
    const tar = await tarWith("one ", "two ", "three ");
    expect(execFileSync("tar", ["xOf", "-", "log"], { input: tar, encoding: "utf8" })).toBe("one t");
    await expect(tarWith("one")).rejects.toThrow('Cannot read "log": it changed while it was read');
  });
});
