import {
  checkForms,
  commentOn,
  type Dockerfile,
  DockerfileError,
  knownTo,
  type Lines,
  type LintReport,
  lintOnRuntime,
  type Outline,
  outlineOf,
  parseDockerfile,
  RULES,
  ruleUrl,
  splitStages,
} from "../../runtime/dockerfile/index.ts";
import { type ContainerRuntime, RuntimeError } from "../../runtime/index.ts";
import { type BuildRecord, stepDigest } from "./build-record.ts";
import {
  dockerfileName,
  type FrontendOptions,
  loadStep,
  readDockerfile,
  withPrefix,
} from "./dockerfile-source.ts";
import { GRPC, GrpcError } from "./grpc-frames.ts";
import { ProtoWriter } from "./proto.ts";
import type { ClientSession } from "./sessions.ts";

interface CheckRequest {
  readonly runtime: ContainerRuntime;
  readonly record: BuildRecord;
  readonly options: FrontendOptions;
}

/** Sends a build's warnings, once. Rejects when `check=error=true` makes an error of them, or its options are wrong. */
export async function warnOf(request: CheckRequest, text: string | undefined): Promise<void> {
  const { record, options } = request;
  if (text === undefined || record.isChecked) return;
  record.isChecked = true;
  const { warnings, error } = await check(request, text, options["target"] ?? "");
  if (warnings.length > 0) {
    const source = new ProtoWriter()
      .text(1, dockerfileName(options))
      .bytes(2, Buffer.from(text))
      .text(4, "Dockerfile");
    const update = warnings.map(({ rule, detail, lines }) =>
      new ProtoWriter()
        .text(1, stepDigest(record, loadStep(options)))
        .number(2, 1)
        .text(3, `${rule}: ${detail} (line ${lines.line})`)
        .bytes(4, Buffer.from(RULES[rule]))
        .text(5, ruleUrl(rule))
        .message(6, source)
        .messages(7, rangesOf(lines)),
    );
    record.publish(new ProtoWriter().messages(4, update));
  }
  // A mistake in the file is the builder's to tell: it shows the lines.
  if (error !== undefined && !(error instanceof DockerfileError)) throw error;
}

function rangesOf({ line }: Lines): readonly ProtoWriter[] {
  const position = () => new ProtoWriter().number(1, line);
  return [new ProtoWriter().message(1, position()).message(2, position())];
}

/** A subrequest of the dockerfile frontend, as the metadata of its result. */
export async function answerCall(
  request: CheckRequest & { readonly session: ClientSession },
): Promise<Readonly<Record<string, string>>> {
  const { record, session, options } = request;
  const call = options["requestid"];
  if (call === "frontend.subrequests.describe") return metadataOf(CALLS, true);
  if (call !== "frontend.lint" && call !== "frontend.targets" && call !== "frontend.outline")
    throw new GrpcError(GRPC.unimplemented, `unsupported request ${call}`);
  const { context } = options;
  if (context !== undefined && options["dockerfilekey"] === undefined)
    throw new RuntimeError(
      "unsupported",
      `Cannot check the Dockerfile of the context "${context}": name a file of this machine with -f`,
    );
  const { text } = await readDockerfile(record, session, options);
  if (call === "frontend.targets") return metadataOf(targetsOf(text), true);
  if (call === "frontend.outline") {
    await warnOf(request, text);
    return metadataOf(outlineAnswer(await outline(request, text), text), true);
  }
  const report = await check(request, text, undefined);
  const isFine = report.warnings.length === 0 && report.error === undefined;
  return metadataOf(lintAnswer(report, text, dockerfileName(options)), isFine);
}

const RESULTS = [
  { name: "result.json", description: "" },
  { name: "result.txt", description: "" },
];
const CALLS = [
  {
    name: "frontend.outline",
    description: "List all parameters current build target supports",
    opts: [{ name: "target", description: "Target build stage" }],
  },
  { name: "frontend.targets", description: "List all targets current build supports", opts: [] },
  { name: "frontend.subrequests.describe", description: "List available subrequest types", opts: null },
].map(({ name, description, opts }) => ({
  ...{ name, version: "1.0.0", type: "rpc", description, opts },
  ...{ inputs: null, metadata: RESULTS, refs: null },
}));

/** The client's exit code comes with it. */
function metadataOf(answer: object, isFine: boolean): Readonly<Record<string, string>> {
  return {
    "result.json": JSON.stringify(answer, undefined, 2),
    ...(isFine ? {} : { "result.statuscode": "1" }),
    version: "1.0.0",
  };
}

async function check(
  { runtime, options }: CheckRequest,
  text: string,
  target: string | undefined,
): Promise<LintReport> {
  const platform = options["platform"] || undefined;
  return lintOnRuntime(runtime, {
    text,
    name: dockerfileName(options),
    buildArgs: withPrefix(options, "build-arg:"),
    target,
    platform,
  });
}

async function outline({ runtime, options }: CheckRequest, text: string): Promise<Outline> {
  return outlineOf({
    text,
    name: dockerfileName(options),
    buildArgs: withPrefix(options, "build-arg:"),
    target: options["target"] ?? "",
    ...(await knownTo(runtime, options["platform"] || undefined)),
  });
}

function outlineAnswer({ name, description, args, secrets, ssh }: Outline, text: string) {
  const mount = (one: Outline["secrets"][number]) => ({
    name: one.name,
    ...(one.isRequired && { required: true }),
    location: location(one.lines),
  });
  return {
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(args.length > 0 && {
      args: args.map((arg) => ({
        name: arg.name,
        ...(arg.description !== undefined && { description: arg.description }),
        ...(arg.value !== "" && { value: arg.value }),
        location: location(arg.lines),
      })),
    }),
    ...(secrets.length > 0 && { secrets: secrets.map(mount) }),
    ...(ssh.length > 0 && { ssh: ssh.map(mount) }),
    sources: [Buffer.from(text).toString("base64")],
  };
}

function location({ line, endLine }: Lines) {
  const ranges = Array.from({ length: endLine - line + 1 }, (_, index) => ({
    start: { line: line + index },
    end: { line: line + index },
  }));
  return { ranges };
}

function lintAnswer({ warnings, error }: LintReport, text: string, filename: string) {
  const lines = error instanceof DockerfileError ? error.lines : undefined;
  return {
    warnings:
      warnings.length === 0
        ? null
        : warnings.map(({ rule, detail, lines: where }) => ({
            ruleName: rule,
            description: RULES[rule],
            url: ruleUrl(rule),
            detail,
            location: location(where),
          })),
    sources: [{ filename, data: Buffer.from(text).toString("base64"), language: "Dockerfile" }],
    ...(error !== undefined && {
      buildError: { message: error.message, location: lines === undefined ? {} : location(lines) },
    }),
  };
}

function targetsOf(text: string) {
  const file: Dockerfile = parseDockerfile(text);
  checkForms(file);
  const { stages } = splitStages(file);
  const lines = text.split(/\r?\n/);
  return {
    targets: stages.map(({ name, base, platform, from }, index) => ({
      ...(name !== undefined && { name }),
      ...(index === stages.length - 1 && { default: true }),
      ...described(name === undefined ? undefined : commentOn(lines, from.line, name)),
      base,
      ...(platform !== undefined && { platform }),
      location: location(from),
    })),
    sources: [Buffer.from(text).toString("base64")],
  };
}

function described(description: string | undefined) {
  return description === undefined ? {} : { description };
}
