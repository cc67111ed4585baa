import { goArchitecture } from "../../lib/go-architecture.ts";
import { type ContainerRuntime, type DiskUsage, type Filters, RuntimeError } from "../../runtime/index.ts";
import type { Builder, Exporter } from "./builder.ts";
import { GRPC, GrpcError } from "./grpc-frames.ts";
import type { GrpcCall, GrpcMethod, GrpcMethods } from "./grpc-server.ts";
import { imageDefinition, withInputs } from "./image-definition.ts";
import { type ProtoMessage, ProtoWriter } from "./proto.ts";

const CONTROL = "/moby.buildkit.v1.Control";
const BRIDGE = "/moby.buildkit.v1.frontend.LLBBridge";
const BUILD_ID = "buildkit-controlapi-buildid";

const SOLVE_CAPS = ["exporter.multiple"];
/** What a client may count on between the frontend's interface and us. */
const FRONTEND_CAPS = [
  "solve.base",
  "return",
  "returnmap",
  "proto.refarray",
  "gateway.evaluate",
  "gateway.solve.evaluate",
  "reference.output",
  "frontend.inputs",
];

/** The part of BuildKit's interface that buildx and docker compose need, over the runtime's own builder. */
export function buildkitMethods(builder: Builder): GrpcMethods {
  let known: ProtoWriter | undefined;
  const onlyWorker = async (): Promise<ProtoWriter> => {
    known ??= worker((await builder.runtime.info()).architecture, await hostGateway(builder.runtime));
    return known;
  };
  return {
    [`${CONTROL}/ListWorkers`]: plain(async () => new ProtoWriter().message(1, await onlyWorker())),
    [`${CONTROL}/Info`]: plain(async () => new ProtoWriter().message(1, buildkitVersion())),
    [`${CONTROL}/Solve`]: plain(async (call) =>
      new ProtoWriter().map(1, await builder.solve(orderOf(call.request), call.signal)),
    ),
    [`${CONTROL}/Status`]: ({ request, signal }) => builder.record(request.text(1)).progress(signal),
    [`${CONTROL}/DiskUsage`]: plain(async () => {
      const { buildCache } = await builder.runtime.diskUsage();
      return new ProtoWriter().messages(1, buildCache.map(usageRecord));
    }),
    [`${CONTROL}/Prune`]: (call) => prune(builder, call),
    [`${BRIDGE}/Ping`]: plain(async () =>
      new ProtoWriter()
        .messages(1, FRONTEND_CAPS.map(capability))
        .messages(2, SOLVE_CAPS.map(capability))
        .message(3, await onlyWorker()),
    ),
    [`${BRIDGE}/Solve`]: plain(async (call) => {
      const { request, signal } = call;
      const buildId = buildIdOf(call);
      const { result, metadata } = await builder.solveWithin(
        buildId,
        request.text(2),
        withInputs(request.map(3), request.messages(13)),
        signal,
      );
      const image = result === undefined ? undefined : builder.record(buildId).results.get(result);
      const ref =
        result === undefined
          ? undefined
          : new ProtoWriter()
              .text(1, result)
              .message(2, image === undefined ? undefined : imageDefinition(image));
      return new ProtoWriter()
        .text(1, result)
        .message(3, new ProtoWriter().message(3, ref).map(10, metadata));
    }),
    [`${BRIDGE}/Evaluate`]: plain(async () => new ProtoWriter()),
    [`${BRIDGE}/Return`]: plain(async (call) => {
      settle(builder, buildIdOf(call), call.request);
      return new ProtoWriter();
    }),
    "/grpc.health.v1.Health/Check": plain(async () => new ProtoWriter().number(1, 1)),
  };
}

function capability(id: string): ProtoWriter {
  return new ProtoWriter().text(1, id).flag(2, true);
}

function plain(method: (call: GrpcCall) => Promise<ProtoWriter>): GrpcMethod {
  return async function* (call) {
    yield await method(call);
  };
}

function buildIdOf(call: GrpcCall): string {
  const id = call.metadata[BUILD_ID];
  if (typeof id === "string") return id;
  throw new GrpcError(GRPC.invalid, "no buildid found in context");
}

function orderOf(request: ProtoMessage) {
  const exporters = request
    .messages(13)
    .map((exporter): Exporter => ({ type: exporter.text(1), attributes: exporter.map(2) }));
  const old = request.text(3);
  return {
    ref: request.text(1),
    sessionId: request.text(5),
    frontend: request.text(6),
    options: request.map(7),
    cacheTo: request
      .message(8)
      .messages(4)
      .map((target) =>
        [`type=${target.text(1)}`, ...Object.entries(target.map(2)).map((pair) => pair.join("="))].join(","),
      ),
    exporters: exporters.length > 0 || old === "" ? exporters : [{ type: old, attributes: request.map(4) }],
  };
}

/** The client has finished its own part: with an error, or with the result to export. */
function settle(builder: Builder, ref: string, request: ProtoMessage): void {
  const record = builder.record(ref);
  if (request.has(2)) {
    const error = request.message(2);
    record.settle({ error: new GrpcError(error.number(1), error.text(2), error.blobs(3)) });
    return;
  }
  const result = request.message(1);
  const refs = result
    .message(4)
    .messages(1)
    .map((entry) => entry.message(2).text(1));
  const oldRefs = Object.values(result.message(2).map(1));
  const wanted = [result.message(3).text(1), result.text(1), ...refs, ...oldRefs].find((id) => id !== "");
  record.settle({ imageId: wanted === undefined ? undefined : record.results.get(wanted) });
}

function buildkitVersion(): ProtoWriter {
  return new ProtoWriter().text(1, "github.com/moby/buildkit").text(2, "v0.25.0").text(3, "stowage");
}

/** What `--add-host name:host-gateway` means: the client writes the address itself. */
async function hostGateway(runtime: ContainerRuntime): Promise<string> {
  const bridge = (await runtime.networks.list()).find(({ name }) => name === "bridge");
  return bridge?.ipam.pools.find(({ gateway }) => gateway !== undefined)?.gateway ?? "";
}

function worker(architecture: string, gateway: string): ProtoWriter {
  const labels = gateway === "" ? {} : { "org.mobyproject.buildkit.worker.moby.host-gateway-ip": gateway };
  const platform = new ProtoWriter().text(1, goArchitecture(architecture)).text(2, "linux");
  return new ProtoWriter()
    .text(1, "stowage")
    .map(2, labels)
    .message(3, platform)
    .message(5, buildkitVersion());
}

type CacheRecord = DiskUsage["buildCache"][number];

function usageRecord(record: CacheRecord): ProtoWriter {
  return new ProtoWriter()
    .text(1, record.id)
    .flag(3, record.isInUse)
    .number(4, record.sizeBytes)
    .time(6, record.createdAt)
    .time(7, record.lastUsedAt)
    .number(8, record.usageCount)
    .text(9, record.description)
    .text(10, record.type);
}

/** `id~=abc,type==regular`, as clients write what they want of the cache. */
function filtersOf(texts: readonly string[]): Filters {
  const filters: Record<string, string[]> = {};
  for (const part of texts.flatMap((text) => text.split(",")).filter((one) => one !== "")) {
    const [, key, value] = /^([a-z]+)(?:==|~=)(.+)$/.exec(part) ?? [];
    if (key === undefined || value === undefined)
      throw new RuntimeError("unsupported", `Cannot filter the build cache by ${JSON.stringify(part)}`);
    filters[key] = [...(filters[key] ?? []), value];
  }
  return filters;
}

async function* prune(builder: Builder, { request }: GrpcCall): AsyncGenerator<ProtoWriter> {
  const keepBytes = request.number(4);
  const unusedForNs = request.number(3);
  const before = (await builder.runtime.diskUsage()).buildCache;
  const { removed } = await builder.runtime.pruneBuildCache({
    all: request.flag(2),
    ...(keepBytes > 0 ? { keepBytes } : {}),
    filters: {
      ...filtersOf(request.texts(1)),
      ...(unusedForNs > 0 ? { until: [`${Math.ceil(unusedForNs / 1e6)}ms`] } : {}),
    },
  });
  const gone = new Set(removed);
  yield* before.filter(({ id }) => gone.has(id)).map(usageRecord);
}
