import { type ErrorSource, RuntimeError } from "../../runtime/index.ts";
import { messageOf } from "../reply.ts";
import { GRPC, GrpcError } from "./grpc-frames.ts";
import { ProtoWriter } from "./proto.ts";

const SOURCE_TYPE = "github.com/moby/buildkit/errdefs.Source+json";
const MAX_SOURCE_BYTES = 256 * 1024;

/** A failed build as BuildKit's clients take it: its words, and the Dockerfile's lines that they show. `ref` is the build's. */
export function toSolveError(error: unknown, ref: string): unknown {
  if (!(error instanceof RuntimeError)) return error;
  const { source } = error;
  const isShown = source !== undefined && source.text.length <= MAX_SOURCE_BYTES;
  const details = isShown ? [sourceDetail(source)] : [];
  const message = messageOf(error);
  const prefix = missingSource(message) === undefined ? "" : "failed to compute cache key: ";
  return new GrpcError(GRPC.unknown, `${prefix}${inBuildkitWords(message, ref)}`, details);
}

/** The classic builder's words for a failed step, in BuildKit's, which names the transfer that a file was missing in. */
export function inBuildkitWords(message: string, ref: string): string {
  const missing = missingSource(message);
  if (missing !== undefined)
    return `failed to calculate checksum of ref ${ref}: ${JSON.stringify(`/${missing}`)}: not found`;
  const failed = /^The command '(.*)' returned a non-zero code: (\d+)$/s.exec(message);
  if (failed === null) return message;
  const [, command, code] = failed;
  return `process ${JSON.stringify(command)} did not complete successfully: exit code: ${code}`;
}

/** What a COPY or ADD did not find. */
function missingSource(message: string): string | undefined {
  const words =
    /^(?:COPY|ADD) failed: file not found in build context or excluded by \.dockerignore: stat (.*): file does not exist$/s;
  return words.exec(message)?.[1];
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
