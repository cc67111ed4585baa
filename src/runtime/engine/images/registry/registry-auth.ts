import { type RegistryCredentials, RuntimeError } from "../../../index.ts";
import { JsonShape } from "../json-shape.ts";
import type { Challenge } from "./challenge.ts";
import { isInsecure, type RegistrySettings } from "./endpoints.ts";
import { bodyOf, discard, type HttpConnections, safeUrl } from "./http-request.ts";

const MAX_TOKEN_BYTES = 1 << 20;
const CLIENT_ID = "stowage";

export interface Authorization {
  /** Value of the Authorization header. */
  readonly header: string;
  readonly identityToken?: string;
}

/** Answers a registry's challenge. Undefined when it needs credentials and we have none. */
export async function answerChallenge(
  connections: HttpConnections,
  challenges: readonly Challenge[],
  options: {
    readonly origin: string;
    readonly scope: string | undefined;
    readonly credentials: RegistryCredentials | undefined;
    readonly settings: RegistrySettings;
    readonly wantsIdentityToken?: boolean;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Authorization | undefined> {
  const { credentials } = options;
  if (credentials?.registryToken !== undefined) return { header: `Bearer ${credentials.registryToken}` };
  const bearer = challenges.find(({ scheme }) => scheme === "bearer");
  if (bearer !== undefined) return fetchToken(connections, bearer, options);
  const isBasic = challenges.some(({ scheme }) => scheme === "basic");
  if (!isBasic || !hasPassword(credentials)) return undefined;
  return { header: basicHeader(credentials) };
}

function hasPassword(
  credentials: RegistryCredentials | undefined,
): credentials is RegistryCredentials & { readonly username: string } {
  return credentials?.username !== undefined && credentials.username !== "";
}

function basicHeader(credentials: RegistryCredentials): string {
  const pair = `${credentials.username ?? ""}:${credentials.password ?? ""}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}

/** The token service's protocol: https://distribution.github.io/distribution/spec/auth/token/ and .../oauth/. */
async function fetchToken(
  connections: HttpConnections,
  challenge: Challenge,
  options: Parameters<typeof answerChallenge>[2],
): Promise<Authorization> {
  const { credentials } = options;
  const realm = realmOf(challenge, options);
  const service = challenge.parameters["service"] ?? "";
  const scope = options.scope ?? challenge.parameters["scope"];
  const response =
    credentials?.identityToken !== undefined && credentials.identityToken !== ""
      ? await connections.request({
          method: "POST",
          url: realm,
          headers: { "content-type": "application/x-www-form-urlencoded" },
          body: Buffer.from(
            new URLSearchParams({
              grant_type: "refresh_token",
              refresh_token: credentials.identityToken,
              service,
              client_id: CLIENT_ID,
              ...(scope === undefined ? {} : { scope }),
            }).toString(),
          ),
          signal: options.signal,
        })
      : await connections.request({
          method: "GET",
          url: tokenUrl(realm, service, scope, options),
          ...(hasPassword(credentials) ? { headers: { authorization: basicHeader(credentials) } } : {}),
          signal: options.signal,
        });
  if (response.status !== 200) {
    discard(response);
    const isRefused = response.status === 401 || response.status === 403;
    throw new RuntimeError(
      isRefused ? "unauthorized" : "unavailable",
      `Cannot get a token from ${safeUrl(realm)}: it answered ${response.status}`,
    );
  }
  const shape = JsonShape.parse((await bodyOf(response, MAX_TOKEN_BYTES)).toString(), "token");
  const token = shape.text("token") || shape.text("access_token");
  if (!token)
    throw new RuntimeError("unavailable", `Cannot get a token from ${safeUrl(realm)}: the answer has none`);
  const identityToken = shape.text("refresh_token");
  return { header: `Bearer ${token}`, ...(identityToken ? { identityToken } : {}) };
}

/** Credentials travel encrypted, unless the registry itself may be spoken to in the clear. */
function realmOf(
  challenge: Challenge,
  { origin, settings }: Pick<Parameters<typeof answerChallenge>[2], "origin" | "settings">,
): URL {
  const text = challenge.parameters["realm"] ?? "";
  const realm = URL.canParse(text) ? new URL(text) : undefined;
  if (realm === undefined || !/^https?:$/.test(realm.protocol))
    throw new RuntimeError(
      "unavailable",
      `Cannot log in at ${origin}: its token service ${JSON.stringify(text)} is no URL`,
    );
  if (realm.protocol === "http:" && !isInsecure(realm.host, settings))
    throw new RuntimeError(
      "unauthorized",
      `Cannot log in at ${origin}: its token service ${safeUrl(realm)} is not encrypted`,
    );
  return realm;
}

function tokenUrl(
  realm: URL,
  service: string,
  scope: string | undefined,
  { credentials, wantsIdentityToken }: Parameters<typeof answerChallenge>[2],
): URL {
  const url = new URL(realm);
  if (service !== "") url.searchParams.set("service", service);
  if (scope !== undefined) for (const part of scope.split(" ")) url.searchParams.append("scope", part);
  if (hasPassword(credentials)) url.searchParams.set("account", credentials.username);
  if (wantsIdentityToken === true) {
    url.searchParams.set("offline_token", "true");
    url.searchParams.set("client_id", CLIENT_ID);
  }
  return url;
}
