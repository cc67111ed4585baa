import { setTimeout as sleep } from "node:timers/promises";
import { type RegistryCredentials, RuntimeError } from "../../../index.ts";
import { JsonShape } from "../json-shape.ts";
import { parseChallenges } from "./challenge.ts";
import { type Endpoint, endpointsOf, type RegistrySettings } from "./endpoints.ts";
import {
  bodyOf,
  cancelled,
  discard,
  HttpConnections,
  type HttpRequest,
  type HttpResponse,
  safeUrl,
} from "./http-request.ts";
import { answerChallenge } from "./registry-auth.ts";

export interface SessionOptions {
  readonly domain: string;
  readonly settings: RegistrySettings;
  readonly credentials?: RegistryCredentials | undefined;
  /** `repository:library/nginx:pull`. */
  readonly scope?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Of the first wait between two attempts; doubles. */
  readonly retryDelayMs?: number;
  readonly stallMs?: number;
  /** Mirrors only serve reading. */
  readonly isPush?: boolean;
}

type SessionRequest = Pick<HttpRequest, "method" | "headers"> & {
  readonly body?: () => HttpRequest["body"];
  /** Statuses that are an answer rather than an error. */
  readonly accept: readonly number[];
  /** Follow redirects: to a place that gets no credentials. */
  readonly follow?: boolean;
  /** The caller tries again, by other means. */
  readonly isOnce?: boolean;
};

const MAX_ATTEMPTS = 5;
const MAX_REDIRECTS = 5;
const MAX_WAIT_MS = 30_000;
const MAX_ERROR_BYTES = 64 << 10;

/**
 * Talks to one registry for one operation: finds the endpoint that answers, logs in when asked to, tries again
 * what may succeed later. Credentials and tokens go to that endpoint's own origin only; a redirect elsewhere
 * gets none, and a challenge from elsewhere is not answered.
 */
export class RegistrySession {
  readonly #options: SessionOptions;
  readonly endpoint: Endpoint;
  /** Ends what is done here: when the caller's own does, and at `stop`. */
  readonly signal: AbortSignal;
  readonly #stopped = new AbortController();
  readonly #connections: HttpConnections;
  #authorization: string | undefined;
  #loggingIn: Promise<string | undefined> | undefined;

  constructor(options: SessionOptions, endpoint: Endpoint) {
    this.#options = options;
    this.endpoint = endpoint;
    const { signal } = options;
    this.signal = AbortSignal.any([this.#stopped.signal, ...(signal === undefined ? [] : [signal])]);
    this.#connections = new HttpConnections(endpoint.tls, endpoint.trusted, options.stallMs);
  }

  /** Runs an operation on the first endpoint that serves it. */
  static async run<T>(options: SessionOptions, action: (session: RegistrySession) => Promise<T>): Promise<T> {
    const all = endpointsOf(options.domain, options.settings);
    const endpoints = options.isPush === true ? all.filter((endpoint) => !endpoint.isMirror) : all;
    const failures: unknown[] = [];
    for (const [index, endpoint] of endpoints.entries()) {
      // Only Docker Hub's own endpoint is meant by credentials for Docker Hub.
      const own = endpoint.isMirror ? { ...options, credentials: undefined } : options;
      const session = new RegistrySession(own, endpoint);
      try {
        if (index < endpoints.length - 1) await session.#ping();
        return await action(session);
      } catch (error) {
        // One of our own errors tells more than that everything else was stopped because of it.
        if (options.signal?.aborted === true && !(error instanceof RuntimeError))
          throw cancelled(options.signal);
        const isLast = index === endpoints.length - 1;
        const isStopped = options.signal?.aborted === true;
        if (isLast || isStopped || !(endpoint.isMirror || session.#isUnreachable)) throw error;
        failures.push(error);
      } finally {
        session.stop();
      }
    }
    throw failures[0];
  }

  /** Ends whatever is still going on at this endpoint; the next one may still serve. */
  stop(): void {
    this.#stopped.abort();
    this.#connections.close();
  }

  #isUnreachable = false;
  #hasAnswered = false;
  /** Tried often enough by one request: who made it as part of something larger does not begin anew. */
  readonly #givenUp = new WeakSet<RuntimeError>();

  /** Whether anybody speaks our protocol there, before we commit to it. */
  async #ping(): Promise<void> {
    try {
      discard(
        await this.#connections.request({
          method: "GET",
          url: this.url("/v2/"),
          signal: this.signal,
        }),
      );
    } catch (error) {
      this.#isUnreachable = true;
      throw error;
    }
  }

  url(path: string): URL {
    return new URL(path, this.endpoint.origin);
  }

  /** Retries what may pass; rejects with the registry's own words otherwise. */
  async request(target: URL, request: SessionRequest): Promise<HttpResponse> {
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await this.#authorized(target, request);
        if (request.accept.includes(response.status)) return response;
        throw await failureOf(response, request.method);
      } catch (error) {
        if (request.isOnce === true) throw error;
        await this.waitToRetry(error, attempt);
      }
    }
  }

  /** Rethrows what no retry helps against, or what was tried often enough. */
  async waitToRetry(error: unknown, attempt: number): Promise<void> {
    const { signal } = this;
    const { retryDelayMs = 500 } = this.#options;
    if (signal.aborted) throw cancelled(signal);
    const isPassing =
      error instanceof RuntimeError && (error.kind === "unavailable" || error.kind === "timeout");
    if (!isPassing || this.#givenUp.has(error)) throw error;
    if (attempt >= MAX_ATTEMPTS || (!this.#hasAnswered && isNobodyThere(error))) {
      this.#givenUp.add(error);
      throw error;
    }
    const wanted = error instanceof RegistryFailure ? error.retryAfterMs : undefined;
    const backoff = retryDelayMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
    await sleep(Math.min(wanted ?? backoff, MAX_WAIT_MS), undefined, { signal });
  }

  async #authorized(target: URL, request: SessionRequest): Promise<HttpResponse> {
    const used = this.#authorization;
    const response = await this.#send(target, request, used);
    if (
      response.status !== 401 ||
      target.origin !== this.endpoint.origin ||
      response.url.origin !== this.endpoint.origin
    )
      return response;
    discard(response);
    // Somebody else may have logged in meanwhile, or the token has run out.
    const fresh = this.#authorization === used ? await this.#logIn(response) : this.#authorization;
    if (fresh === undefined)
      throw new RuntimeError(
        "unauthorized",
        `${request.method} ${safeUrl(target)}: no basic auth credentials`,
      );
    return this.#send(target, request, fresh);
  }

  async #logIn(response: HttpResponse): Promise<string | undefined> {
    this.#loggingIn ??= answerChallenge(
      this.#connections,
      parseChallenges(response.headers["www-authenticate"]),
      {
        ...this.#options,
        origin: this.endpoint.origin,
        scope: this.#options.scope,
        credentials: this.#options.credentials,
        signal: this.signal,
      },
    )
      .then((authorization) => {
        this.#authorization = authorization?.header;
        return authorization?.header;
      })
      .finally(() => {
        this.#loggingIn = undefined;
      });
    return this.#loggingIn;
  }

  async #send(
    target: URL,
    request: SessionRequest,
    authorization: string | undefined,
  ): Promise<HttpResponse> {
    let url = target;
    for (let redirects = 0; ; redirects++) {
      const isOwn = url.origin === this.endpoint.origin;
      const body = request.body?.();
      const response = await this.#connections.request({
        method: request.method,
        url,
        headers: { ...request.headers, ...(isOwn && authorization !== undefined ? { authorization } : {}) },
        ...(body === undefined ? {} : { body }),
        signal: this.signal,
      });
      this.#hasAnswered = true;
      const location = response.headers.location;
      if (
        request.follow !== true ||
        location === undefined ||
        ![301, 302, 303, 307, 308].includes(response.status)
      )
        return response;
      discard(response);
      if (redirects >= MAX_REDIRECTS)
        throw new RuntimeError("invalid", `Cannot GET ${safeUrl(target)}: too many redirects`);
      url = this.#redirected(url, location);
    }
  }

  #redirected(from: URL, location: string): URL {
    const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
    const isFine =
      to !== undefined &&
      (to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:"));
    if (!isFine)
      throw new RuntimeError(
        "forbidden",
        `Cannot follow the redirect of ${safeUrl(from)}: it leads to no safe place`,
      );
    return to;
  }

  /** Checks credentials: the registry's base answers 200 to who may come in. */
  async logIn(): Promise<{ readonly identityToken?: string }> {
    const base = this.url("/v2/");
    const { signal } = this;
    const { credentials, settings } = this.#options;
    const first = await this.#connections.request({ method: "GET", url: base, signal });
    discard(first);
    if (first.status === 200) return {};
    if (first.status !== 401) throw loginFailure(base, first.status);
    const authorization = await answerChallenge(
      this.#connections,
      parseChallenges(first.headers["www-authenticate"]),
      {
        origin: this.endpoint.origin,
        scope: undefined,
        credentials,
        settings,
        wantsIdentityToken: true,
        signal,
      },
    );
    if (authorization === undefined) throw loginFailure(base, 401);
    const second = await this.#connections.request({
      method: "GET",
      url: base,
      headers: { authorization: authorization.header },
      signal,
    });
    discard(second);
    if (second.status !== 200) throw loginFailure(base, second.status);
    return authorization.identityToken === undefined ? {} : { identityToken: authorization.identityToken };
  }
}

/** Refused, unknown, not trusted or not even connected to: not the kind of failure that passes while one waits. */
function isNobodyThere(error: RuntimeError): boolean {
  const { cause } = error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return /^(ECONNREFUSED|ENOTFOUND|ETIMEDOUT)$|CERT|^UNABLE_TO_|^ERR_TLS/.test(code);
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  401: "401 Unauthorized",
  403: "403 Forbidden",
  404: "404 Not Found",
};

function loginFailure(base: URL, status: number): RuntimeError {
  const text = STATUS_TEXT[status] ?? String(status);
  return new RuntimeError(
    status === 401 || status === 403 ? "unauthorized" : "unavailable",
    `login attempt to ${base.href} failed with status: ${text}`,
  );
}

/** A registry's refusal, with what it says about trying again. */
export class RegistryFailure extends RuntimeError {
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(kind: RuntimeError["kind"], message: string, status: number, retryAfterMs: number | undefined) {
    super(kind, message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

async function failureOf(response: HttpResponse, method: string): Promise<RegistryFailure> {
  const body = await bodyOf(response, MAX_ERROR_BYTES).catch(() => Buffer.alloc(0));
  const { status } = response;
  const said = errorsOf(body.toString());
  const detail = said === "" ? `the registry answered ${status}` : said;
  const kind =
    status === 404
      ? "not-found"
      : status === 401 || status === 403
        ? "unauthorized"
        : status === 429 || status === 408 || status >= 500
          ? "unavailable"
          : "invalid";
  const after = Number(response.headers["retry-after"]);
  const message = kind === "not-found" ? detail : `Cannot ${method} ${safeUrl(response.url)}: ${detail}`;
  return new RegistryFailure(kind, message, status, Number.isFinite(after) ? after * 1000 : undefined);
}

/** `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}` as Docker prints it. */
function errorsOf(text: string): string {
  try {
    return JsonShape.parse(text, "error")
      .objects("errors")
      .map((error) => {
        const code = (error.text("code") ?? "").toLowerCase().replaceAll("_", " ");
        return `${code}: ${error.text("message") ?? ""}`.slice(0, 500);
      })
      .join("; ");
  } catch {
    return "";
  }
}
