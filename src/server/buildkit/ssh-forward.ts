import { Duplex } from "node:stream";
import type { BuildOptions } from "../../runtime/index.ts";
import type { GrpcStream } from "./grpc-client.ts";
import { GRPC, GrpcError } from "./grpc-frames.ts";
import { ProtoWriter } from "./proto.ts";
import type { ClientSession } from "./sessions.ts";

const CHECK = "/moby.sshforward.v1.SSH/CheckAgent";
const FORWARD = "/moby.sshforward.v1.SSH/ForwardAgent";

/** The SSH agents that the client forwards (`--ssh`), by id. */
export function sshAgentsOf(session: ClientSession): BuildOptions["sshAgent"] {
  if (!session.supports(FORWARD)) return undefined;
  return async (id) => {
    try {
      await session.client.call(CHECK, new ProtoWriter().text(1, id));
    } catch (error) {
      if (error instanceof GrpcError && error.code !== GRPC.unavailable) return undefined;
      throw error;
    }
    return () => overStream(session.client.open(FORWARD, { "buildkit.ssh.id": id }));
  };
}

/** A stream of `BytesMessage` both ways as a connection. */
function overStream(stream: GrpcStream): Duplex {
  const duplex = new Duplex({
    read: () => undefined,
    write: (data: Buffer, _encoding, done) => {
      stream.send(new ProtoWriter().bytes(1, data)).then(() => done(), done);
    },
    final: (done) => {
      stream.end();
      done();
    },
    destroy: (error, done) => {
      stream.close();
      done(error);
    },
  });
  const receive = async (): Promise<void> => {
    for await (const message of stream.messages) duplex.push(message.bytes(1));
    duplex.push(null);
  };
  receive().catch((error: Error) => duplex.destroy(error));
  return duplex;
}
