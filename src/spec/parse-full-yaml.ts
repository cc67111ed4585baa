import type { Document, Pair, Node as YamlNode, Scalar as YamlScalar } from "yaml";
import { isAlias, isMap, isPair, isScalar, isSeq, parseAllDocuments } from "yaml";
import { withLostKeys } from "./lost-keys.ts";
import type { YamlDocument } from "./parse-yaml.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Lost } from "./repair-yaml.ts";
import type { SourceText } from "./source-text.ts";
import { Broken, type Entry, List, Mapping, type Node, type Origin, Scalar } from "./source-tree.ts";
import { resolvePlain, resolveTagged } from "./yaml-scalars.ts";

/** Deeper nesting is refused: nothing that people write comes near. */
const MAX_DEPTH = 200;
/** How many nodes one text may become when all its aliases are expanded. */
const MAX_NODES = 2_000_000;

/** After so many syntax errors the rest of a text is left unread. */
const MAX_REPAIRS = 40;
/** Each repair costs a parse. */
const MAX_REPAIRED_SIZE = 4_000_000;

/** All documents of one YAML text. Whatever is wrong is reported; what could still be understood is given back. */
export async function parseFullYaml(
  source: SourceText,
  problems: ProblemList,
): Promise<readonly YamlDocument[]> {
  try {
    const { documents, losses, isWhole } = await parseAndRepair(source, problems);
    if (!isWhole) return [];
    return documents.map((document) => {
      const converter = new Converter(source, problems, losses);
      return converter.convertRoot(document.contents, document.range[0]);
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    problems.error("yaml/depth", `Nested more than ${MAX_DEPTH} levels deep`, { at: whole(source) });
    return [];
  }
}

interface Parsed {
  readonly documents: readonly Document.Parsed[];
  /** What syntax errors made unreadable. */
  readonly losses: readonly Lost[];
  /** The rest can be relied on. */
  readonly isWhole: boolean;
}

async function parseAndRepair(source: SourceText, problems: ProblemList): Promise<Parsed> {
  const losses: Lost[] = [];
  let text = source.text;
  for (;;) {
    const documents = parseDocuments(text);
    if (documents.every((document) => document.errors.length === 0))
      return { documents, losses, isWhole: true };
    const { repairFirst } = await import("./repair-yaml.ts");
    const budget = Math.min(MAX_REPAIRS, Math.ceil(MAX_REPAIRED_SIZE / (text.length + 1)));
    const repair = losses.length < budget ? repairFirst(text, documents) : undefined;
    if (repair === undefined) {
      for (const document of documents) {
        for (const { message, pos } of document.errors) {
          problems.error("yaml/syntax", message, { at: { source, start: pos[0], end: Math.max(...pos) } });
        }
      }
      return { documents, losses, isWhole: false };
    }
    const { rule, message, start, end, hint } = repair;
    problems.error(`yaml/${rule}`, message, { at: { source, start, end }, hint });
    losses.push(repair.lost);
    text = repair.text;
  }
}

function parseDocuments(text: string): readonly Document.Parsed[] {
  // Tags and scalar types are resolved here, as go-yaml does, hence the schema that knows only strings.
  const documents = parseAllDocuments(text, {
    schema: "failsafe",
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
    keepSourceTokens: false,
    strict: true,
  });
  return Array.isArray(documents) ? documents : [];
}

function whole(source: SourceText): Origin {
  return { source, start: 0, end: 0 };
}

interface Anchored {
  readonly node: Node;
  readonly size: number;
  /** `!override`s within it, as paths from it: they act again wherever the alias stands. */
  readonly overrides: readonly (readonly string[])[];
}

class Converter {
  readonly #source: SourceText;
  readonly #problems: ProblemList;
  readonly #anchors = new Map<string, Anchored>();
  readonly #open = new Set<string>();
  readonly #resets: (readonly string[])[] = [];
  readonly #overrides: (readonly string[])[] = [];
  #size = 0;
  #isTooBig = false;

  readonly #losses: readonly Lost[];

  constructor(source: SourceText, problems: ProblemList, losses: readonly Lost[]) {
    this.#source = source;
    this.#problems = problems;
    this.#losses = losses;
  }

  convertRoot(root: YamlNode | null, start: number): YamlDocument {
    const node =
      root === null
        ? new Scalar(null, "null", { source: this.#source, start, end: start })
        : this.#convert(root, [], 0);
    const origin = { source: this.#source, start, end: start };
    const found = node ?? new Scalar(null, "null", origin);
    return {
      root: this.#losses.length === 0 ? found : withLostKeys(found, this.#losses),
      resets: [...this.#resets, ...this.#overrides],
    };
  }

  /** Undefined for what `!reset` drops. */
  #convert(node: YamlNode, path: readonly string[], depth: number): Node | undefined {
    const origin = this.#originOf(node);
    this.#size += 1;
    if (this.#isTooBig || depth > MAX_DEPTH) return this.#tooMuch(origin, depth);
    if (isAlias(node)) return this.#alias(node.source, origin, path);
    const tag = shortTag(node.tag);
    if (tag === "!reset") {
      this.#resets.push(path);
      return undefined;
    }
    const anchor = "anchor" in node && node.anchor !== undefined ? node.anchor : undefined;
    const sizeBefore = this.#size;
    const overridesBefore = this.#overrides.length;
    if (tag === "!override") this.#overrides.push(path);
    if (anchor !== undefined) this.#open.add(anchor);
    const converted = this.#convertPlain(node, tag, origin, path, depth);
    if (anchor !== undefined) {
      this.#open.delete(anchor);
      const overrides = this.#overrides.slice(overridesBefore).map((inner) => inner.slice(path.length));
      this.#anchors.set(anchor, { node: converted, size: this.#size - sizeBefore + 1, overrides });
    }
    return converted;
  }

  #convertPlain(
    node: YamlNode,
    tag: string | undefined,
    origin: Origin,
    path: readonly string[],
    depth: number,
  ): Node {
    if (isMap(node)) return this.#map(node.items, origin, path, depth);
    if (isSeq(node)) {
      const items: Node[] = [];
      node.items.forEach((item, index) => {
        const value = isPair(item)
          ? this.#map([item as Pair<YamlNode | null, YamlNode | null>], origin, path, depth + 1)
          : this.#convert(item as YamlNode, [...path, String(index)], depth + 1);
        if (value !== undefined) items.push(value);
      });
      return new List(items, origin);
    }
    return this.#scalar(node as YamlScalar<string>, tag, origin);
  }

  #map(
    items: readonly Pair<unknown, unknown>[],
    origin: Origin,
    path: readonly string[],
    depth: number,
  ): Mapping {
    const entries = new Map<string, Entry>();
    const seen = new Map<string, Origin>();
    let merged: YamlNode | undefined;
    for (const pair of items) {
      const keyNode = pair.key as YamlNode | null;
      const key = this.#keyOf(keyNode, origin);
      if (key === undefined) continue;
      const first = seen.get(key.text);
      if (first !== undefined) {
        this.#reportDuplicate(key.text, key.origin, first, path);
        continue;
      }
      seen.set(key.text, key.origin);
      if (key.text === "<<" && key.isPlain) {
        merged = (pair.value as YamlNode | null) ?? undefined;
        if (merged === undefined) this.#reportMerge(key.origin);
        continue;
      }
      const value =
        pair.value === null || pair.value === undefined
          ? new Scalar(null, "null", { ...key.origin, start: key.origin.end })
          : this.#convert(pair.value as YamlNode, [...path, key.text], depth + 1);
      if (key.isWrong || value === undefined) continue;
      entries.set(key.text, { key: key.origin, value });
    }
    if (merged !== undefined) this.#merge(merged, entries, path, depth);
    return new Mapping(entries, origin);
  }

  /** `<<`: keys that are there win, then the first of the merged mappings that has a key. */
  #merge(node: YamlNode, entries: Map<string, Entry>, path: readonly string[], depth: number): void {
    const sources = isSeq(node) ? (node.items as YamlNode[]) : [node];
    for (const source of sources) {
      const value = this.#convert(source, path, depth + 1);
      if (value === undefined) continue;
      if (value.kind === "broken") {
        // What it would have brought is unknown: nobody shall miss the image.
        const isService = path.length === 2 && path[0] === "services";
        if (isService && !entries.has("image")) entries.set("image", { key: value.origin, value });
        continue;
      }
      if (value.kind !== "map") {
        this.#reportMerge(this.#originOf(source));
        continue;
      }
      for (const [key, entry] of value.entries) if (!entries.has(key)) entries.set(key, entry);
    }
  }

  #scalar(node: YamlScalar<string>, tag: string | undefined, origin: Origin): Node {
    const value = typeof node.value === "string" ? node.value : (node.source ?? "");
    if (this.#losses.some(({ start, end }) => origin.start >= start && origin.start < end)) {
      return new Broken(origin);
    }
    if (value.includes("\0")) {
      this.#problems.error("yaml/nul", "A value cannot hold a NUL character", { at: origin });
      return new Broken(origin);
    }
    if (tag === undefined || tag === "!") {
      if (node.type !== undefined && node.type !== "PLAIN") return new Scalar(value, "string", origin);
      const resolved = resolvePlain(value);
      return new Scalar(resolved.value, resolved.type, origin);
    }
    if (tag.startsWith("!")) {
      if (tag !== "!override") this.#warnTag(tag, origin);
      return new Scalar(value, "string", origin);
    }
    const resolved = resolveTagged(tag, value);
    if (resolved !== undefined) return new Scalar(resolved.value, resolved.type, origin);
    this.#problems.error("yaml/tag", `"${value}" is no value of type !!${tag}`, { at: origin });
    return new Broken(origin);
  }

  #alias(name: string, origin: Origin, path: readonly string[]): Node {
    const anchored = this.#anchors.get(name);
    if (anchored !== undefined) {
      this.#size += anchored.size;
      if (this.#size > MAX_NODES) this.#tooMuch(origin, 0);
      for (const inner of anchored.overrides) this.#overrides.push([...path, ...inner]);
      return anchored.node;
    }
    if (this.#open.has(name)) {
      this.#problems.error("yaml/alias-cycle", `The alias *${name} stands inside the value that it names`, {
        at: origin,
      });
    } else {
      this.#problems.error("yaml/unknown-alias", `No anchor &${name} comes before this alias`, {
        at: origin,
      });
    }
    return new Broken(origin);
  }

  #keyOf(node: YamlNode | null, parent: Origin): Key | undefined {
    if (node === null) {
      const at = { ...parent, end: parent.start };
      this.#problems.error("yaml/key", "A key is missing", { at });
      return undefined;
    }
    const origin = this.#originOf(node);
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source)?.node;
      if (target?.kind === "scalar" && target.type === "string")
        return { text: String(target.value), origin, isPlain: false, isWrong: false };
    }
    if (!isScalar(node)) {
      this.#problems.error("yaml/key", "A key must be text, not a list or mapping", { at: origin });
      return undefined;
    }
    const scalar = node as YamlScalar<string>;
    const value = typeof scalar.value === "string" ? scalar.value : (scalar.source ?? "");
    const isPlain = scalar.type === undefined || scalar.type === "PLAIN";
    const resolved = isPlain && node.tag === undefined ? resolvePlain(value) : undefined;
    const isWrong = resolved !== undefined && resolved.type !== "string";
    if (isWrong) {
      this.#problems.error("yaml/key", `The key ${value === "" ? "is empty, it" : value} must be text`, {
        at: origin,
        hint: value === "" ? undefined : `quote it: "${value}"`,
      });
    }
    if (scalar.anchor !== undefined) {
      const anchored = new Scalar(value, "string", origin);
      this.#anchors.set(scalar.anchor, { node: anchored, size: 1, overrides: [] });
    }
    return { text: value, origin, isPlain, isWrong };
  }

  #originOf(node: YamlNode): Origin {
    const range = node.range ?? [0, 0, 0];
    return { source: this.#source, start: range[0], end: range[1] };
  }

  #tooMuch(origin: Origin, depth: number): Broken {
    if (!this.#isTooBig) {
      const message =
        depth > MAX_DEPTH
          ? `Nested more than ${MAX_DEPTH} levels deep`
          : `Aliases expand to more than ${MAX_NODES} values`;
      this.#problems.error(depth > MAX_DEPTH ? "yaml/depth" : "yaml/aliases", message, { at: origin });
    }
    this.#isTooBig = true;
    return new Broken(origin);
  }

  #warnTag(tag: string, at: Origin): void {
    this.#problems.warning("yaml/unknown-tag", `The tag ${tag} means nothing here`, {
      at,
      hint: "only !reset and !override do",
    });
  }

  #reportMerge(at: Origin): void {
    this.#problems.error("yaml/merge-key", "<< takes a mapping, or a list of mappings", { at });
  }

  #reportDuplicate(key: string, at: Origin, first: Origin, path: readonly string[]): void {
    this.#problems.error("yaml/duplicate-key", `The key "${key}" is here twice`, {
      at,
      path: [...path, key],
      related: [{ at: first, message: "first here" }],
    });
  }
}

interface Key {
  readonly text: string;
  readonly origin: Origin;
  /** Neither quoted nor tagged, so that `<<` merges. */
  readonly isPlain: boolean;
  readonly isWrong: boolean;
}

function shortTag(tag: string | undefined): string | undefined {
  const prefix = "tag:yaml.org,2002:";
  return tag?.startsWith(prefix) ? tag.slice(prefix.length) : tag;
}
