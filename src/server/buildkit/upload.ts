import { Readable } from "node:stream";
import { ProtoWriter } from "./proto.ts";
import type { ClientSession } from "./sessions.ts";

const PULL = "/moby.upload.v1.Upload/Pull";
const UPLOAD_HOST = "buildkit-session";

/** A context that the client reads from its stdin has an address of this form. */
export function isUpload(address: string): boolean {
  return address.startsWith(`http://${UPLOAD_HOST}/`);
}

/** The bytes behind such an address. */
export function pullUpload(session: ClientSession, address: string): Readable {
  const stream = session.client.open(PULL, { urlpath: new URL(address).pathname, urlhost: UPLOAD_HOST });
  stream.end();
  return Readable.from(contents());

  async function* contents(): AsyncGenerator<Buffer> {
    await stream.send(new ProtoWriter());
    for await (const message of stream.messages) yield message.bytes(1);
  }
}
