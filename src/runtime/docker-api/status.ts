import { type ErrorKind, RuntimeError } from "../index.ts";

/** Error kind -> HTTP status. Several kinds share one; between two of ours, `ERROR_HEADER` keeps them apart. */
const STATUS: Readonly<Record<ErrorKind, number>> = {
  "not-found": 404,
  "already-exists": 409,
  invalid: 400,
  conflict: 409,
  forbidden: 403,
  unauthorized: 401,
  unavailable: 503,
  timeout: 504,
  cancelled: 500,
  unsupported: 501,
  exhausted: 500,
  internal: 500,
};

const KIND_BY_STATUS: Readonly<Record<number, ErrorKind>> = {
  400: "invalid",
  401: "unauthorized",
  403: "forbidden",
  404: "not-found",
  405: "unsupported",
  408: "timeout",
  409: "conflict",
  429: "unavailable",
  499: "cancelled",
  501: "unsupported",
  502: "unavailable",
  503: "unavailable",
  504: "timeout",
};

/** What dockerd says with a status too coarse: the first pattern that matches decides. */
const KIND_BY_MESSAGE: readonly (readonly [statuses: readonly number[], pattern: RegExp, kind: ErrorKind])[] =
  [
    [[409], /already in use by container|with name .* already exists/, "already-exists"],
    [[500], /port is already allocated|address already in use|is not paused/, "conflict"],
    [[500], /no space left on device|no available IPv4|cannot allocate memory/, "exhausted"],
    [[500], /unauthorized|401 Unauthorized|no basic auth credentials/, "unauthorized"],
    [[500], /connection refused|no such host|i\/o timeout|TLS handshake|EOF$/, "unavailable"],
    [[500], /context canceled/, "cancelled"],
    [[500], /strconv\.|invalid (?:volume|mount|reference)/, "invalid"],
  ];

/** Carries the exact kind, and the exit code of a process that did not start: `conflict; exit=127`. */
export const ERROR_HEADER = "x-stowage-error";

export function statusOf(error: unknown): number {
  if (!(error instanceof RuntimeError)) return 500;
  if (error.exitCode === 126 || error.exitCode === 127) return 400;
  return STATUS[error.kind];
}

export function errorHeaderOf(error: RuntimeError): string {
  return error.exitCode === undefined ? error.kind : `${error.kind}; exit=${error.exitCode}`;
}

/** The error that an answer of `status` stands for; `header` is `ERROR_HEADER` where the engine is ours. */
export function errorFromWire(status: number, message: string, header?: string): RuntimeError {
  const [kind, exit] = header?.split("; exit=") ?? [];
  const exitCode = exit === undefined ? startExitCode(status, message) : Number(exit);
  return new RuntimeError(
    isErrorKind(kind) ? kind : kindOf(status, message),
    message,
    exitCode === undefined ? {} : { exitCode },
  );
}

function kindOf(status: number, message: string): ErrorKind {
  const refined = KIND_BY_MESSAGE.find(
    ([statuses, pattern]) => statuses.includes(status) && pattern.test(message),
  );
  return refined?.[2] ?? KIND_BY_STATUS[status] ?? "internal";
}

/** The OCI runtime's words for a process that could not be started, as the docker client reads them. */
function startExitCode(status: number, message: string): number | undefined {
  if (status < 400 || !message.includes("OCI runtime")) return undefined;
  if (/executable file not found|no such file or directory/.test(message)) return 127;
  if (/permission denied|is a directory/.test(message)) return 126;
  return 128;
}

function isErrorKind(text: string | undefined): text is ErrorKind {
  return text !== undefined && Object.hasOwn(STATUS, text);
}
