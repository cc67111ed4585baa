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

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/**
 * Who a process runs as, by the rules that runc and Docker share: a name must be in passwd, a number need not;
 * without a group the user's own one and the ones that list it. `invalid` with Docker's words.
 */
export function lookUpUser({ user, groupAdd, passwd, group }: UserRequest): OciUser {
  const cut = user.indexOf(":");
  const userWord = cut < 0 ? user : user.slice(0, cut);
  const groupWord = cut < 0 ? "" : user.slice(cut + 1);
  const groups = parseGroup(group);
  const entry = findUser(userWord, parsePasswd(passwd));
  const uid = entry?.uid ?? (userWord === "" ? 0 : numberOf(userWord));
  if (uid === undefined) throw noSuch("user", userWord, "passwd");
  const gid = groupWord === "" ? (entry?.gid ?? 0) : groupId(groupWord, groups);
  const listed =
    groupWord === "" && entry !== undefined
      ? groups.filter(({ members }) => members.includes(entry.name)).map((found) => found.gid)
      : [];
  const added = groupAdd.map((word) => groupId(word, groups));
  return { uid: checked(uid), gid: checked(gid), additionalGids: [...new Set([gid, ...listed, ...added])] };
}

function findUser(word: string, entries: readonly PasswdEntry[]): PasswdEntry | undefined {
  if (word === "") return entries.find(({ uid }) => uid === 0);
  const uid = numberOf(word);
  return entries.find((entry) => entry.name === word) ?? entries.find((entry) => entry.uid === uid);
}

function groupId(word: string, groups: readonly GroupEntry[]): number {
  const gid = groups.find(({ name }) => name === word)?.gid ?? numberOf(word);
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

function parsePasswd(text: string): readonly PasswdEntry[] {
  return fieldsOf(text).flatMap(([name = "", , uid = "", gid = ""]) =>
    numberOf(uid) === undefined ? [] : [{ name, uid: Number(uid), gid: numberOf(gid) ?? 0 }],
  );
}

function parseGroup(text: string): readonly GroupEntry[] {
  return fieldsOf(text).flatMap(([name = "", , gid = "", members = ""]) =>
    numberOf(gid) === undefined
      ? []
      : [{ name, gid: Number(gid), members: members.split(",").filter((member) => member !== "") }],
  );
}

function fieldsOf(text: string): readonly (readonly string[])[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}
