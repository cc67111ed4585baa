import type { Call } from "./call.ts";
import type { Reply, SENT } from "./reply.ts";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE";

export interface Route {
  readonly method: Method;
  /** `/containers/{id}/json`; `{name*}` also takes slashes. */
  readonly path: string;
  readonly handle: (call: Call) => Promise<Reply | typeof SENT>;
  /**
   * The route may take the connection over (`call.takeOver`), upgraded or not. Its body is read from the
   * raw connection, and the connection is closed after its answer.
   */
  readonly takesOver?: boolean;
  /** Errors are plain text, as dockerd's `attach` gives them. */
  readonly hasPlainErrors?: boolean;
}

export interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

export type Router = (method: string, path: string) => Match | undefined;

/** The first route that fits wins. Parameters are decoded after the match: an encoded slash never splits one. */
export function createRouter(routes: readonly Route[]): Router {
  const byMethod = new Map<string, { readonly route: Route; readonly pattern: RegExp }[]>();
  for (const route of routes) {
    const group = byMethod.get(route.method) ?? [];
    byMethod.set(route.method, group);
    group.push({ route, pattern: patternOf(route.path) });
  }
  return (method, path) => {
    for (const { route, pattern } of byMethod.get(method) ?? []) {
      const match = pattern.exec(path);
      if (match !== null) return { route, params: decoded(match.groups ?? {}) };
    }
    return undefined;
  };
}

function patternOf(path: string): RegExp {
  const pattern = path
    .replaceAll(/[.]/g, "\\.")
    .replaceAll(/\{(\w+)\*\}/g, "(?<$1>.+)")
    .replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)");
  return new RegExp(`^${pattern}$`);
}

function decoded(groups: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decode(value)]));
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
