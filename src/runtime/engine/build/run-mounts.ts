import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, rm, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { type KeyValue, parseKeyValues } from "../../../lib/key-values.ts";
import { lookUp } from "../../../lib/lookup.ts";
import { expandWord } from "../../dockerfile/index.ts";
import { RuntimeError } from "../../index.ts";
import { ContainerRoot } from "../containers/rooted-path.ts";
import type { PreparedMount } from "../parts.ts";
import { cacheKey } from "./build-cache.ts";
import type { BuildSession, Step } from "./build-session.ts";
import { contentDigest } from "./content-digest.ts";
import { openSshMount, type SshMount } from "./ssh-mount.ts";
import { wordsOf } from "./stage-state.ts";
import { treeSource } from "./tree-job.ts";

/** One `--mount` of a RUN, checked. */
export type RunMount =
  | {
      readonly type: "bind";
      readonly from: string;
      readonly source: string;
      readonly target: string;
      readonly isWritable: boolean;
    }
  | {
      readonly type: "cache";
      readonly id: string;
      readonly from: string;
      readonly source: string;
      readonly target: string;
      readonly sharing: "shared" | "private" | "locked";
      readonly isReadOnly: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly type: "tmpfs"; readonly target: string; readonly size: string }
  | SshMount
  | {
      readonly type: "secret";
      readonly id: string;
      /** Absent: only in the environment. */
      readonly target?: string;
      readonly env?: string;
      readonly isRequired: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

export function parseRunMounts(step: Step): readonly RunMount[] {
  const { instruction, state, session } = step;
  const words = wordsOf(state, session.file.escapeChar);
  return instruction.flags
    .filter((flag) => flag.name === "mount")
    .map((flag, index) => parseMount(expandWord(flag.value, words), state.config.workingDir ?? "/", index));
}

function parseMount(text: string, workingDir: string, index: number): RunMount {
  const given = parseKeyValues(text);
  const fields = new Map(given.map(([key, value = "true"]) => [key, value]));
  const take = (...names: readonly string[]) =>
    names.map((name) => fields.get(name)).find((value) => value !== undefined);
  const type = take("type")?.toLowerCase() ?? "bind";
  checkFields(given, type);
  const place = take("target", "dst", "destination");
  const target = place === undefined ? undefined : posix.resolve("/", workingDir, place);
  const isReadOnly = isOn(take("ro", "readonly")) && !isOn(take("rw", "readwrite"));
  const common = { from: take("from") ?? "", source: take("source", "src") ?? "" };
  const ids = { uid: number("uid", take("uid") ?? "0", 10), gid: number("gid", take("gid") ?? "0", 10) };
  switch (type) {
    case "bind":
      return { type, ...common, target: needed(target, type), isWritable: isOn(take("rw", "readwrite")) };
    case "cache":
      return {
        type,
        ...common,
        ...ids,
        id: take("id") ?? needed(target, type),
        target: needed(target, type),
        sharing: sharingOf(take("sharing") ?? "shared"),
        isReadOnly,
        mode: number("mode", take("mode") ?? "0755", 8),
      };
    case "tmpfs":
      return { type, target: needed(target, type), size: take("size") ?? "" };
    case "secret": {
      const env = take("env");
      const id = take("id") ?? (place === undefined ? undefined : posix.basename(place));
      if (id === undefined) throw new RuntimeError("invalid", "secret mount needs an id or a target");
      const path = target ?? (env === undefined ? `/run/secrets/${id}` : undefined);
      return {
        type,
        ...ids,
        id,
        ...(path === undefined ? {} : { target: path }),
        ...(env === undefined ? {} : { env }),
        isRequired: isOn(take("required")),
        mode: number("mode", take("mode") ?? "0400", 8),
      };
    }
    case "ssh":
      return {
        type,
        ...ids,
        id: take("id") ?? "default",
        target: target ?? `/run/buildkit/ssh_agent.${index}`,
        isRequired: isOn(take("required")),
        mode: number("mode", take("mode") ?? "0600", 8),
      };
    default:
      throw new RuntimeError("invalid", `unsupported mount type "${type}"`);
  }
}

const SWITCHES = ["readonly", "ro", "readwrite", "rw", "required"];
const OWNED = ["secret", "ssh", "cache"];
const TYPES_OF: Readonly<Record<string, readonly string[]>> = {
  required: ["secret", "ssh"],
  size: ["tmpfs"],
  sharing: ["cache"],
  mode: OWNED,
  uid: OWNED,
  gid: OWNED,
};
const KEYS: ReadonlySet<string> = new Set([
  ...["type", "from", "source", "src", "target", "dst", "destination", "id", "env"],
  ...[...SWITCHES, ...Object.keys(TYPES_OF)],
]);

/** A word that would do nothing is a mistake of whoever wrote it. */
function checkFields(fields: readonly KeyValue[], type: string): void {
  for (const [key, value] of fields) {
    const isSwitch = SWITCHES.includes(key);
    if (!KEYS.has(key))
      throw invalid(`unexpected key '${key}' in '${value === undefined ? key : `${key}=${value}`}'`);
    if (value === undefined && !isSwitch) throw invalid(`invalid field '${key}' must be a key=value pair`);
    if (isSwitch && !/^(?:1|t|true|0|f|false)$/i.test(value ?? "true"))
      throw invalid(`invalid value for ${key}: ${value}`);
    if (TYPES_OF[key]?.includes(type) === false)
      throw invalid(`unexpected key '${key}' for mount type '${type}'`);
  }
}

function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid", message);
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && /^(?:1|t|true)$/i.test(value);
}

function needed(target: string | undefined, type: string): string {
  if (target === undefined || target === "/")
    throw new RuntimeError("invalid", `invalid mount: type=${type} needs a target other than /`);
  return target;
}

function number(name: string, text: string, base: 8 | 10): number {
  const value = Number.parseInt(text, base);
  if (!/^\d{1,10}$/.test(text) || Number.isNaN(value))
    throw new RuntimeError("invalid", `invalid value "${text}" for ${name} of a mount`);
  return value;
}

function sharingOf(text: string): "shared" | "private" | "locked" {
  if (text === "shared" || text === "private" || text === "locked") return text;
  throw new RuntimeError("invalid", `invalid sharing "${text}" of a mount: shared, private or locked`);
}

/** What a command's result depends on through its mounts: content for binds, nothing for caches and secrets. */
export async function mountKeys(step: Step, mounts: readonly RunMount[]): Promise<readonly unknown[]> {
  return Promise.all(
    mounts.map(async (mount) => {
      const { session, stage } = step;
      // Waited for here: a command that waits for a stage keeps others from running, that stage's among them.
      if (mount.type === "cache" && mount.from !== "") await session.source(mount.from, stage);
      if (mount.type !== "bind") return [mount.type, "target" in mount ? mount.target : ""];
      const source = mount.from === "" ? session.context : await session.source(mount.from, stage);
      const content =
        source.identity ??
        (await contentDigest(session, source, { source, patterns: [literal(mount.source)] }));
      return [mount.type, mount.target, mount.source, mount.isWritable, content];
    }),
  );
}

function literal(path: string): string {
  return path === "" ? "." : path.replace(/[*?[\\]/g, "\\$&");
}

export interface OpenMounts {
  readonly mounts: readonly PreparedMount[];
  /** Secrets given by environment variable, the agent's socket. */
  readonly env: readonly string[];
  /** Where something is mounted. */
  readonly targets: readonly string[];
  close(): Promise<void>;
}

/** Makes the mounts ready for a command. A locked cache waits until no other command has it. */
export async function openRunMounts<T>(
  step: Step,
  mounts: readonly RunMount[],
  action: (open: OpenMounts) => Promise<T>,
): Promise<T> {
  const locked = mounts.flatMap((mount) =>
    mount.type === "cache" && mount.sharing === "locked" ? [mount.id] : [],
  );
  const run = async () => {
    const open = await prepare(step, mounts);
    try {
      return await action(open);
    } finally {
      await open.close();
    }
  };
  // In one order for all, so that two commands never wait for each other.
  return [...new Set(locked)]
    .sort()
    .reduceRight<() => Promise<T>>(
      (inner, id) => () => step.session.builder.cacheMounts.exclusively(id, inner),
      run,
    )();
}

async function prepare(step: Step, mounts: readonly RunMount[]): Promise<OpenMounts> {
  const { session } = step;
  const undo: (() => Promise<unknown>)[] = [];
  const prepared: PreparedMount[] = [];
  const env: string[] = [];
  const close = async () => {
    for (const action of undo.reverse()) await action().catch(() => {});
  };
  try {
    for (const mount of mounts) {
      if (mount.type === "bind") prepared.push(await bindMount(step, mount, undo));
      else if (mount.type === "cache") prepared.push(await cacheMount(step, mount, undo));
      else if (mount.type === "tmpfs") prepared.push(tmpfsMount(mount));
      else if (mount.type === "ssh") {
        const ssh = await openSshMount(session, mount);
        if (ssh === undefined) continue;
        undo.push(ssh.close);
        prepared.push(ssh.mount);
        env.push(`SSH_AUTH_SOCK=${mount.target}`);
      } else {
        const secret = await secretMount(session, mount, undo);
        prepared.push(...secret.mounts);
        env.push(...secret.env);
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { mounts: prepared, env, targets: prepared.map((mount) => mount.target), close };
}

type Undo = (() => Promise<unknown>)[];

async function bindMount(
  { session, stage }: Step,
  mount: Extract<RunMount, { type: "bind" }>,
  undo: Undo,
): Promise<PreparedMount> {
  const source = mount.from === "" ? session.context : await session.source(mount.from, stage);
  const path = insidePath(source.dir, mount.source);
  if (!mount.isWritable)
    return { type: "bind", source: path, target: mount.target, options: ["rbind", "ro"] };
  // What is written there is for this command only.
  const { layout, host, trash } = session.builder;
  const dir = join(layout.temporaryDir, `build-${randomBytes(8).toString("hex")}`);
  for (const name of ["upper", "work", "merged"]) await mkdir(join(dir, name), { recursive: true });
  undo.push(() => trash.discard(dir));
  await host.mountOverlay({
    lower: [path],
    upper: join(dir, "upper"),
    work: join(dir, "work"),
    target: join(dir, "merged"),
    volatile: true,
  });
  undo.push(() => host.unmount(join(dir, "merged"), { lazy: true }));
  return { type: "bind", source: join(dir, "merged"), target: mount.target, options: ["rbind", "rw"] };
}

/** Where a path of a source is on the machine, links resolved inside the source. */
function insidePath(dir: string, path: string): string {
  using root = new ContainerRoot(dir);
  const place = root.locate(posix.join("/", path));
  if (place.stat === undefined) throw new RuntimeError("not-found", `"/${path}": not found`);
  return join(dir, place.insidePath);
}

async function cacheMount(
  { session, stage }: Step,
  mount: Extract<RunMount, { type: "cache" }>,
  undo: Undo,
): Promise<PreparedMount> {
  const { dir, release } = await session.builder.cacheMounts.take(cacheKey(mount.id), {
    isPrivate: mount.sharing === "private",
    fill: async (empty) => {
      await chown(empty, mount.uid, mount.gid);
      await chmod(empty, mount.mode);
      if (mount.from !== "") await fill(session, mount, empty, await session.source(mount.from, stage));
    },
  });
  undo.push(release);
  return {
    type: "bind",
    source: dir,
    target: mount.target,
    options: ["rbind", mount.isReadOnly ? "ro" : "rw"],
  };
}

async function fill(
  session: BuildSession,
  mount: Extract<RunMount, { type: "cache" }>,
  dir: string,
  source: Awaited<ReturnType<BuildSession["source"]>>,
): Promise<void> {
  await session.trees.run({
    kind: "copy",
    source: treeSource(source),
    patterns: [literal(mount.source)],
    keepsOwner: true,
    rootDir: dir,
    target: "/",
    isFolder: true,
  });
}

function tmpfsMount(mount: Extract<RunMount, { type: "tmpfs" }>): PreparedMount {
  const size = mount.size === "" ? [] : [`size=${mount.size}`];
  return { type: "tmpfs", source: "tmpfs", target: mount.target, options: ["nosuid", "nodev", ...size] };
}

/** A file that only lives while the command runs, in a folder that is gone after a reboot at the latest. */
async function secretMount(
  session: BuildSession,
  mount: Extract<RunMount, { type: "secret" }>,
  undo: Undo,
): Promise<{ readonly mounts: readonly PreparedMount[]; readonly env: readonly string[] }> {
  const value = await lookUp(session.options.secrets, mount.id);
  if (value === undefined) {
    if (mount.isRequired) throw new RuntimeError("not-found", `secret ${mount.id}: not found`);
    return { mounts: [], env: [] };
  }
  const env = mount.env === undefined ? [] : [`${mount.env}=${Buffer.from(value).toString()}`];
  if (mount.target === undefined) return { mounts: [], env };
  const dir = join(session.builder.layout.runDir, "build-secrets", randomBytes(8).toString("hex"));
  await mkdir(dir, { recursive: true, mode: 0o700 });
  undo.push(() => rm(dir, { recursive: true, force: true }));
  const path = join(dir, "secret");
  await writeFile(path, value, { mode: 0o600 });
  await chown(path, mount.uid, mount.gid);
  await chmod(path, mount.mode);
  return { mounts: [{ type: "bind", source: path, target: mount.target, options: ["rbind", "ro"] }], env };
}
