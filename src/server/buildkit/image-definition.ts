import { createHash } from "node:crypto";
import type { FrontendOptions } from "./dockerfile-source.ts";
import { type ProtoMessage, ProtoWriter } from "./proto.ts";

const SCHEME = "stowage-image://";

/**
 * A built image as a definition (`pb.Definition`), which clients hand back unread when another target is built on it
 * (`additional_contexts: service:x`, `target:x` of a bake file).
 */
export function imageDefinition(imageId: string): ProtoWriter {
  const source = new ProtoWriter().message(3, new ProtoWriter().text(1, `${SCHEME}${imageId}`)).finish();
  const digest = `sha256:${createHash("sha256").update(source).digest("hex")}`;
  const last = new ProtoWriter().message(1, new ProtoWriter().text(1, digest)).finish();
  // Clients take a definition that says nothing of its steps for none.
  const noted = new ProtoWriter().text(1, digest).message(2, new ProtoWriter());
  return new ProtoWriter().bytes(1, source).bytes(1, last).message(2, noted);
}

function imageOf(definition: ProtoMessage): string | undefined {
  for (const source of definition.messages(1)) {
    const identifier = source.message(3).text(1);
    if (identifier.startsWith(SCHEME)) return identifier.slice(SCHEME.length);
  }
  return undefined;
}

/** Options with the images in the place of the inputs that contexts name (`context:x=input:y`). */
export function withInputs(options: FrontendOptions, inputs: readonly ProtoMessage[]): FrontendOptions {
  const images = new Map(inputs.map((entry) => [`input:${entry.text(1)}`, imageOf(entry.message(2))]));
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => {
      const image = key.startsWith("context:") ? images.get(value) : undefined;
      return [key, image === undefined ? value : `docker-image://${image}`];
    }),
  );
}
