import { Readable } from "node:stream";
import { FOLDER_UPLOAD_TYPE, folderHeadToWire } from "../docker-api/index.ts";
import { type BuildOptions, type FolderSource, isFolderSource, tarOfAll } from "../index.ts";
import { withDockerfile } from "./inline-dockerfile.ts";

/** How a build's context goes to the engine. */
export interface BuildUpload {
  readonly type: string;
  readonly body: Readable;
  readonly dockerfile?: string | undefined;
  /** What the engine wants of the folder it was offered, by places in its listing. */
  send(wanted: readonly number[]): void;
  /** What could not be read, which the engine has no words for. */
  failure(): unknown;
  /** Nothing more goes up. */
  close(): void;
}

/** Our own engine may have the most of a folder from the build before; any other one takes a tar. */
export function uploadOf(options: BuildOptions, isOurEngine: boolean): BuildUpload {
  const { context, dockerfile, dockerfileText } = options;
  if (isOurEngine && isFolderSource(context)) return offerFolder(context, options);
  const files = tarOfAll(context);
  const source = dockerfileText === undefined ? undefined : withDockerfile(files, dockerfileText);
  return {
    type: "application/x-tar",
    body: source?.context ?? files,
    dockerfile: source?.dockerfile ?? dockerfile,
    send: () => undefined,
    failure: () => undefined,
    close: () => undefined,
  };
}

function offerFolder(source: FolderSource, { dockerfile, dockerfileText }: BuildOptions): BuildUpload {
  let send: BuildUpload["send"] = () => undefined;
  const asked = new Promise<readonly number[]>((resolve) => {
    send = resolve;
  });
  let failure: unknown;
  async function* content(): AsyncGenerator<Buffer> {
    try {
      const entries = await source.list();
      yield Buffer.from(folderHeadToWire({ key: source.key, entries, dockerfileText }));
      const wanted = (await asked).flatMap((place) => entries[place] ?? []);
      if (wanted.length > 0) yield* source.fetch(wanted);
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  return {
    type: FOLDER_UPLOAD_TYPE,
    body: Readable.from(content(), { objectMode: false }),
    dockerfile,
    send,
    failure: () => failure,
    close: () => {
      send([]);
      source.close();
    },
  };
}
