import { randomBytes } from "node:crypto";
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import tar from "tar-stream";
import { rejoined } from "../../lib/rejoined.ts";
import { RuntimeError } from "../index.ts";

const GZIP = "1f8b";
const EMPTY_TAR = Buffer.alloc(1024);

/**
 * A context with one file more, the Dockerfile under a name of its own, which `.dockerignore` keeps out of the
 * image: so the classic build takes a Dockerfile that lies elsewhere.
 */
export function withDockerfile(
  context: Readable,
  text: string,
): { readonly context: Readable; readonly dockerfile: string } {
  const dockerfile = `.dockerfile.${randomBytes(10).toString("hex")}`;
  const output = new PassThrough();
  const work = async () => {
    const extract = tar.extract();
    const pack = tar.pack();
    const reading = pipeline(await plain(context), extract);
    const writing = pipeline(pack as unknown as Readable, output);
    let hasIgnoreFile = false;
    for await (const entry of extract) {
      if (entry.header.name.replace(/^\.\//, "") === ".dockerignore") {
        hasIgnoreFile = true;
        await add(pack, ".dockerignore", `${await textOf(entry)}\n${dockerfile}\n`);
      } else await pipeline(entry, pack.entry(entry.header));
    }
    if (!hasIgnoreFile) await add(pack, ".dockerignore", `.dockerignore\n${dockerfile}\n`);
    await add(pack, dockerfile, text);
    pack.finalize();
    await Promise.all([reading, writing]);
  };
  work().catch((error: Error) => output.destroy(error));
  return { context: output, dockerfile };
}

/** Streams of other makes than Node's own come here, too. */
async function plain(context: Readable): Promise<Readable> {
  const chunks = context[Symbol.asyncIterator]();
  const first = await chunks.next();
  const start = first.done === true ? EMPTY_TAR : Buffer.from(first.value as Uint8Array);
  const whole = Readable.from(rejoined(start, chunks), { objectMode: false });
  return start.toString("hex", 0, 2) === GZIP ? whole.pipe(createGunzip()) : whole;
}

async function textOf(entry: AsyncIterable<unknown>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of entry) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts).toString("utf8");
}

function add(pack: tar.Pack, name: string, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    pack.entry({ name, mode: 0o644 }, text, (error) =>
      error ? reject(new RuntimeError("internal", "Cannot add the Dockerfile", { cause: error })) : resolve(),
    );
  });
}
