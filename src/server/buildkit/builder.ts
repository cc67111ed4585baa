import { randomBytes } from "node:crypto";
import { unlessAborted } from "../../lib/unless-aborted.ts";
import type { ContainerRuntime } from "../../runtime/index.ts";
import { fullRepository } from "../full-name.ts";
import { answerCall } from "./build-check.ts";
import { asStep, type BuildOutcome, BuildRecord } from "./build-record.ts";
import type { FrontendOptions } from "./dockerfile-source.ts";
import { sendFolder, sendTarball } from "./file-send.ts";
import { GRPC, GrpcError } from "./grpc-frames.ts";
import { Sessions } from "./sessions.ts";
import { readBuild } from "./solve-dockerfile.ts";
import { toSolveError } from "./solve-error.ts";

/** A finished build's progress is kept so long for a client that asks late. */
const KEEP_MS = 60_000;

export interface Exporter {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface SolveOrder {
  readonly ref: string;
  readonly sessionId: string;
  /** Empty: the client drives the build itself and returns the result. */
  readonly frontend: string;
  readonly options: FrontendOptions;
  readonly exporters: readonly Exporter[];
  /** As of `--cache-to`. */
  readonly cacheTo: readonly string[];
}

/** What a frontend has made: something to refer to, or words about the Dockerfile. */
export interface SolveResult {
  readonly result?: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Builds over one runtime: their sessions, their progress, their results. */
export class Builder {
  readonly runtime: ContainerRuntime;
  readonly sessions = new Sessions();
  readonly #records = new Map<string, BuildRecord>();
  readonly #orders = new Map<string, SolveOrder>();

  constructor(runtime: ContainerRuntime) {
    this.runtime = runtime;
  }

  record(ref: string): BuildRecord {
    const known = this.#records.get(ref) ?? new BuildRecord(ref);
    this.#records.set(ref, known);
    return known;
  }

  /** `Control.Solve`: build or wait for the client's own build, then export. Resolves to what the exporter tells. */
  async solve(order: SolveOrder, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const record = this.record(order.ref);
    this.#orders.set(order.ref, order);
    try {
      const outcome =
        order.frontend === ""
          ? await firstOf(record.outcome, signal)
          : { imageId: await this.#build(record, order, order.options, signal) };
      if ("error" in outcome) throw outcome.error;
      return outcome.imageId === undefined ? {} : await this.#export(record, order, outcome.imageId);
    } finally {
      record.end();
      this.#orders.delete(order.ref);
      setTimeout(() => this.#records.delete(order.ref), KEEP_MS).unref();
    }
  }

  /** `LLBBridge.Solve`: one frontend's run within a build. Resolves to the result, or to what a subrequest (`--check`, `--call`) answers. */
  async solveWithin(
    ref: string,
    frontend: string,
    options: FrontendOptions,
    signal: AbortSignal,
  ): Promise<SolveResult> {
    const order = await this.#orderOf(ref, signal);
    if (frontend !== "dockerfile.v0" && !isDockerfileFrontend(frontend, options))
      throw new GrpcError(
        GRPC.unimplemented,
        frontend === ""
          ? "cannot solve a definition: only Dockerfiles are built"
          : `unknown frontend ${frontend}`,
      );
    const record = this.record(ref);
    if (options["requestid"] !== undefined) {
      const session = await this.sessions.find(order.sessionId);
      return { metadata: await answerCall({ runtime: this.runtime, record, session, options }) };
    }
    const result = randomBytes(12).toString("hex");
    const imageId = await this.#build(record, order, options, signal);
    if (imageId !== undefined) record.results.set(result, imageId);
    return { result, metadata: {} };
  }

  /** The order is on its way on another stream of the same connection. */
  async #orderOf(ref: string, signal: AbortSignal): Promise<SolveOrder> {
    for (let attempt = 0; attempt < 200; attempt += 1) {
      const order = this.#orders.get(ref);
      if (order !== undefined) return order;
      if (signal.aborted) break;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new GrpcError(GRPC.notFound, `no such job ${ref}`);
  }

  /** Resolves to the image's id; undefined when only files are wanted, which are sent then. */
  async #build(
    record: BuildRecord,
    order: SolveOrder,
    options: FrontendOptions,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { images } = this.runtime;
    const session = await this.sessions.find(order.sessionId);
    const request = { runtime: this.runtime, record, session, options, cacheTo: order.cacheTo, signal };
    const isOnlyFiles = order.exporters.length > 0 && order.exporters.every(({ type }) => isOfFiles(type));
    try {
      const built = isOnlyFiles ? undefined : await images.build(await readBuild(request));
      for (const [number, { type }] of order.exporters.entries())
        if (isOfFiles(type))
          await images.buildFiles(await readBuild(request), (files) =>
            type === "tar"
              ? asStep(record, "exporting to client tarball", () => sendTarball(session, number, files))
              : asStep(record, "exporting to client directory", () => sendFolder(session, number, files)),
          );
      return built?.id;
    } catch (error) {
      throw toSolveError(error, record.ref);
    }
  }

  async #export(
    record: BuildRecord,
    order: SolveOrder,
    imageId: string,
  ): Promise<Readonly<Record<string, string>>> {
    const names: string[] = [];
    for (const { type, attributes } of order.exporters) {
      if (isOfFiles(type)) continue;
      if (type !== "moby" && type !== "image" && type !== "docker")
        throw new GrpcError(GRPC.unimplemented, `exporter ${JSON.stringify(type)} could not be found`);
      const wanted = (attributes["name"] ?? "").split(",").filter((name) => name !== "");
      await asStep(record, "exporting to image", async () => {
        for (const name of wanted) await this.runtime.images.tag(imageId, name);
      });
      names.push(...wanted.map(fullRepository));
    }
    return {
      "containerimage.digest": imageId,
      "containerimage.config.digest": imageId,
      ...(names.length === 0 ? {} : { "image.name": names.join(",") }),
    };
  }
}

/** Named by BUILDKIT_SYNTAX. What a Dockerfile's own `syntax` names is left at that, too: there is one frontend. */
function isDockerfileFrontend(frontend: string, { source = "" }: FrontendOptions): boolean {
  return (
    frontend === "gateway.v0" && /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?:[:@]|$)/.test(source)
  );
}

function isOfFiles(exporter: string): boolean {
  return exporter === "local" || exporter === "tar";
}

async function firstOf(outcome: Promise<BuildOutcome>, signal: AbortSignal): Promise<BuildOutcome> {
  try {
    return await unlessAborted(outcome, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    return { error: new GrpcError(GRPC.cancelled, "context canceled") };
  }
}
