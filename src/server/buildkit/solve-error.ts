import { type ErrorSource, RuntimeError } from "../../runtime/index.ts";
import { messageOf } from "../reply.ts";
import { GRPC, GrpcError } from "./grpc-frames.ts";
import { ProtoWriter } from "./proto.ts";

const SOURCE_TYPE = "github.com/moby/buildkit/errdefs.Source+json";
const MAX_SOURCE_BYTES = 256 * 1024;

/** A failed build as BuildKit's clients take it: its words, and the Dockerfile's lines that they show. */
export function toSolveError(error: unknown): unknown {
  if (!(error instanceof RuntimeError)) return error;
  const { source } = error;
  const isShown = source !== undefined && source.text.length <= MAX_SOURCE_BYTES;
  const details = isShown ? [sourceDetail(source)] : [];
  return new GrpcError(GRPC.unknown, inBuildkitWords(messageOf(error)), details);
}

/** The classic builder's words for a failed command, in BuildKit's. */
export function inBuildkitWords(message: string): string {
  const failed = /^The command '(.*)' returned a non-zero code: (\d+)$/s.exec(message);
  if (failed === null) return message;
  const [, command, code] = failed;
  return `process ${JSON.stringify(command)} did not complete successfully: exit code: ${code}`;
}

/** A `google.protobuf.Any` whose value is JSON. */
function sourceDetail({ name, text, firstLine, lastLine }: ErrorSource): Buffer {
  const value = {
    info: { filename: name, data: Buffer.from(text).toString("base64"), language: "Dockerfile" },
    ranges: [{ start: { line: firstLine }, end: { line: lastLine } }],
  };
  return new ProtoWriter()
    .text(1, SOURCE_TYPE)
    .bytes(2, Buffer.from(JSON.stringify(value)))
    .finish();
}
