import { loadExtendedFile } from "./load-model.ts";
import { mergeService } from "./merge.ts";
import { kindName } from "./merge-nodes.ts";
import { parentPath, relativePath } from "./paths.ts";
import { locateFile } from "./remote.ts";
import { applyServiceResets } from "./resets.ts";
import type { Scope, ScopeFile, ServicesOfFile } from "./scope.ts";
import {
  Broken,
  isNull,
  isString,
  type Mapping,
  mapEntries,
  type Node,
  type Origin,
  stringIn,
} from "./source-tree.ts";
import { didYouMean } from "./suggest.ts";
import type { Mention } from "./text-files.ts";

/** Lays each service over the one that it extends; bases are of the same document, or of another file. */
export async function applyExtends(
  root: Mapping,
  resets: readonly (readonly string[])[],
  file: ScopeFile,
  scope: Scope,
): Promise<Mapping> {
  const services = root.get("services");
  if (services?.kind !== "map") return root;
  if (
    ![...services.entries.values()].some(({ value }) => value.kind === "map" && value.entries.has("extends"))
  ) {
    return root;
  }
  const run = new ExtendsRun(scope);
  const resolved = new Map<string, Node>();
  const own = { services, resets, file: file.path };
  for (const name of services.entries.keys()) resolved.set(name, await run.resolve(name, own, []));
  return root.with(
    "services",
    mapEntries(services, (value, name) => resolved.get(name) ?? value),
  );
}

interface Link {
  readonly file: string;
  readonly name: string;
}

class ExtendsRun {
  readonly #scope: Scope;
  readonly #done = new Map<string, Node>();
  readonly #files = new Map<string, Promise<ServicesOfFile | undefined>>();

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  async resolve(name: string, from: ServicesOfFile, chain: readonly Link[]): Promise<Node> {
    const service = from.services.get(name);
    if (service?.kind !== "map") return service ?? new Broken(from.services.origin);
    const base = service.entries.get("extends");
    if (base === undefined) return service;
    const identity = `${from.file}\n${name}`;
    const known = this.#done.get(identity);
    if (known !== undefined) return known;
    const result = await this.#extend(name, service, base.value, from, chain);
    this.#done.set(identity, result);
    return result;
  }

  async #extend(
    name: string,
    service: Mapping,
    base: Node,
    from: ServicesOfFile,
    chain: readonly Link[],
  ): Promise<Node> {
    const plain = service.with("extends", undefined);
    const reference = this.#reference(name, base);
    if (reference === undefined) return markIncomplete(plain, base.origin);
    const links = [...chain, { file: from.file, name }];
    if (chain.some((link) => link.file === from.file && link.name === name)) {
      this.#reportCycle(links, base.origin);
      return markIncomplete(plain, base.origin);
    }
    const target = reference.file === undefined ? from : await this.#open(reference.file, name);
    if (target === undefined) return markIncomplete(plain, base.origin);
    if (!target.services.entries.has(reference.service)) {
      this.#reportMissing(name, reference, target);
      return markIncomplete(plain, base.origin);
    }
    const found = await this.resolve(reference.service, target, links);
    if (isNull(found)) return plain;
    if (found.kind !== "map") return markIncomplete(plain, base.origin);
    const source = applyServiceResets(found, name, from.resets).with("extends", undefined);
    return mergeService(name, source, plain, this.#scope.problems);
  }

  #reference(name: string, base: Node): Reference | undefined {
    const path = ["services", name, "extends"];
    if (base.kind === "broken") return undefined;
    if (isString(base)) return { service: base.value, at: base.origin, file: undefined };
    const service = base.kind === "map" ? base.get("service") : undefined;
    if (base.kind !== "map" || !isString(service)) {
      if (service?.kind === "broken") return undefined;
      const wants = base.kind === "map" ? "service, as text" : `text or a mapping, not ${kindName(base)}`;
      this.#scope.problems.error("extends/form", `services.${name}.extends needs ${wants}`, {
        at: base.origin,
        path,
      });
      return undefined;
    }
    for (const [key, entry] of base.entries) {
      if (key === "service" || key === "file") continue;
      this.#scope.problems.warning("extends/unknown-key", `extends has no "${key}"`, {
        at: entry.key,
        path: [...path, key],
      });
    }
    const file = base.get("file");
    if (file === undefined || isNull(file))
      return { service: service.value, at: service.origin, file: undefined };
    if (isString(file))
      return { service: service.value, at: service.origin, file: { text: file.value, at: file.origin } };
    if (file.kind !== "broken") {
      this.#scope.problems.error(
        "extends/form",
        `services.${name}.extends.file must be text, not ${kindName(file)}`,
        {
          at: file.origin,
          path: [...path, "file"],
        },
      );
    }
    return undefined;
  }

  async #open(
    file: { readonly text: string; readonly at: Origin },
    name: string,
  ): Promise<ServicesOfFile | undefined> {
    const mention = { at: file.at, path: ["services", name, "extends", "file"] };
    const path = await locateFile(file.text, this.#scope.directory, this.#scope, mention);
    if (path === undefined) return undefined;
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const opening = this.#read(path, file.text, mention);
    this.#files.set(path, opening);
    return opening;
  }

  async #read(
    path: string,
    text: string,
    mention: Omit<Mention, "what">,
  ): Promise<ServicesOfFile | undefined> {
    const scope = this.#scope;
    const relativeDirectory = relativePath(scope.directory, parentPath(path));
    const loaded = await loadExtendedFile({ path, name: path }, { ...scope, relativeDirectory }, mention);
    if (loaded === undefined) return undefined;
    const services = loaded.root.get("services");
    if (services?.kind === "map") return { services, resets: loaded.resets, file: path };
    scope.problems.error("extends/no-services", `The extended file ${text} has no services`, mention);
    return undefined;
  }

  #reportMissing(name: string, reference: Reference, target: ServicesOfFile): void {
    const where = reference.file === undefined ? "this file" : reference.file.text;
    this.#scope.problems.error(
      "extends/no-service",
      `services.${name} extends "${reference.service}", which is not in ${where}`,
      {
        at: reference.at,
        path: ["services", name, "extends"],
        hint: didYouMean(reference.service, [...target.services.entries.keys()]),
      },
    );
  }

  #reportCycle(links: readonly Link[], at: Origin): void {
    const last = links.at(-1);
    const first = links.findIndex((link) => link.file === last?.file && link.name === last?.name);
    const names = links.slice(Math.max(first, 0)).map((link) => link.name);
    this.#scope.problems.error(
      "extends/cycle",
      `Services extend each other in a circle: ${names.join(" -> ")}`,
      {
        at,
        path: ["services", last?.name ?? "", "extends"],
      },
    );
  }
}

interface Reference {
  readonly service: string;
  readonly at: Origin;
  readonly file: { readonly text: string; readonly at: Origin } | undefined;
}

/** A service whose base is unknown: what the base might have brought counts as there. */
function markIncomplete(service: Mapping, at: Origin): Mapping {
  return stringIn(service.get("image")) !== undefined || service.entries.has("build")
    ? service
    : service.with("image", new Broken(at), at);
}
