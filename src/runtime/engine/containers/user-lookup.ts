import { RuntimeError } from "../../index.ts";
import type { OciUser } from "../oci/types.ts";

const MAX_ID = 2 ** 31 - 1;

export interface UserRequest {
  /** `""`, `name`, `uid`, each with `:group` behind it. */
  readonly user: string;
  readonly groupAdd: readonly string[];
  /** Texts of the container's own /etc/passwd and /etc/group. */
  readonly passwd: string;
  readonly group: string;
}

/** A line of either file: `name:password:id:rest`. */
interface Entry {
  readonly name: string;
  readonly id: number;
  readonly rest: string;
}

/**
 * Who a process runs as, by the rules that runc and Docker share: a name must be in passwd, a number need not;
 * without a group the user's own one and the ones that list it. `invalid` with Docker's words.
 */
export function lookUpUser({ user, groupAdd, passwd, group }: UserRequest): OciUser {
  const cut = user.indexOf(":");
  const userWord = cut < 0 ? user : user.slice(0, cut);
  const groupWord = cut < 0 ? "" : user.slice(cut + 1);
  const entry = findUser(userWord, passwd);
  const uid = entry?.id ?? (userWord === "" ? 0 : numberOf(userWord));
  if (uid === undefined) throw noSuch("user", userWord, "passwd");
  const gid = groupWord === "" ? primaryGroup(entry) : groupId(groupWord, group);
  const listed = groupWord === "" && entry !== undefined ? groupsOf(entry.name, group) : [];
  const added = groupAdd.map((word) => groupId(word, group));
  return { uid: checked(uid), gid: checked(gid), additionalGids: [...new Set([gid, ...listed, ...added])] };
}

function findUser(word: string, passwd: string): Entry | undefined {
  const uid = word === "" ? 0 : numberOf(word);
  let byId: Entry | undefined;
  for (const entry of entriesOf(passwd)) {
    if (word !== "" && entry.name === word) return entry;
    if (entry.id === uid) byId ??= entry;
    if (word === "" && byId !== undefined) break;
  }
  return byId;
}

function primaryGroup(entry: Entry | undefined): number {
  return numberOf(entry?.rest.split(":", 1)[0] ?? "") ?? 0;
}

/** Those that list the user. */
function groupsOf(name: string, group: string): readonly number[] {
  const listed: number[] = [];
  for (const { id, rest } of entriesOf(group)) {
    const [members = ""] = rest.split(":", 1);
    if (name !== "" && `,${members},`.includes(`,${name},`)) listed.push(id);
  }
  return listed;
}

function groupId(word: string, group: string): number {
  let gid = numberOf(word);
  for (const entry of entriesOf(group)) {
    if (entry.name !== word) continue;
    gid = entry.id;
    break;
  }
  if (gid === undefined) throw noSuch("group", word, "group");
  return checked(gid);
}

function noSuch(what: string, word: string, file: string): RuntimeError {
  return new RuntimeError("invalid", `unable to find ${what} ${word}: no matching entries in ${file} file`);
}

function checked(id: number): number {
  if (id >= 0 && id <= MAX_ID) return id;
  throw new RuntimeError("invalid", `uids and gids must be in range 0-${MAX_ID}`);
}

function numberOf(word: string): number | undefined {
  return /^-?\d+$/.test(word) ? Number(word) : undefined;
}

/** One after the other, without lines that have no number for an id: an image may bring as many as it likes. */
function* entriesOf(text: string): Generator<Entry> {
  for (let end = 0, colon = text.indexOf(":"); colon >= 0; colon = text.indexOf(":", end)) {
    const start = text.lastIndexOf("\n", colon) + 1;
    end = orEnd(text.indexOf("\n", colon), text.length);
    const second = orEnd(text.indexOf(":", colon + 1), end);
    if (second >= end) continue;
    const third = Math.min(orEnd(text.indexOf(":", second + 1), end), end);
    const [name, rest] = [text.slice(start, colon).trimStart(), text.slice(third + 1, end).trimEnd()];
    const word = text.slice(second + 1, third);
    const id = numberOf(third === end ? word.trimEnd() : word);
    if (id !== undefined && !name.startsWith("#")) yield { name, id, rest };
  }
}

/** Where it was found, else the end. */
function orEnd(at: number, end: number): number {
  return at < 0 ? end : at;
}
