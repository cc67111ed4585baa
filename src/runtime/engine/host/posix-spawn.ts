import { closeSync, constants } from "node:fs";
import { openLibc } from "./libc.ts";

export interface PosixSpawn {
  /** No program inherits its ends. Undefined when the system says no. */
  pipe(): { readonly readEnd: number; readonly writeEnd: number } | undefined;
  /** Its pid; undefined when the system says no. */
  spawn(path: string, program: ProgramToSpawn): number | undefined;
  /** The status of wait(2), once, when the child has ended. */
  wait(pid: number): number | undefined;
}

export interface ProgramToSpawn {
  readonly argv: readonly string[];
  /** `NAME=value`. */
  readonly environment: readonly string[];
  /** Its descriptors 0, 1, ...: one of ours each, or undefined for `/dev/null`. */
  readonly descriptors: readonly (number | undefined)[];
  readonly cwd?: string | undefined;
  /** Of a session of its own. */
  readonly isLeader: boolean;
}

/** More than any C library's `posix_spawn_file_actions_t`, `posix_spawnattr_t` and `sigset_t` take. */
const STRUCT_BYTES = 1024;
/** Flags of <spawn.h>. */
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
const O_CLOEXEC = 0o2000000;
const F_DUPFD_CLOEXEC = 1030;
const WNOHANG = 1;
/** An exit with 255, of what somebody else has waited for. */
const UNKNOWN_STATUS = 0xff00;

/** posix_spawn(3) and what belongs to it; undefined where koffi or a C library of a known name is missing. */
export async function loadPosixSpawn(): Promise<PosixSpawn | undefined> {
  try {
    return bindPosixSpawn(openLibc((await import("koffi")).default));
  } catch {
    return undefined;
  }
}

function bindPosixSpawn(libc: ReturnType<typeof openLibc>): PosixSpawn {
  const pipe2 = libc.func("int pipe2(_Out_ int*, int)");
  const fcntl = libc.func("int fcntl(int, int, int)");
  const waitpid = libc.func("int waitpid(int, _Out_ int*, int)");
  const posixSpawn = libc.func(
    "int posix_spawn(_Out_ int*, const char*, const uint8_t*, const uint8_t*, const char**, const char**)",
  );
  const initActions = libc.func("int posix_spawn_file_actions_init(uint8_t*)");
  const addDup2 = libc.func("int posix_spawn_file_actions_adddup2(uint8_t*, int, int)");
  const addOpen = libc.func(
    "int posix_spawn_file_actions_addopen(uint8_t*, int, const char*, int, uint32_t)",
  );
  const addChdir = libc.func("int posix_spawn_file_actions_addchdir_np(uint8_t*, const char*)");
  const destroyActions = libc.func("int posix_spawn_file_actions_destroy(uint8_t*)");
  const attributes = { follower: attributesOf(libc, 0), leader: attributesOf(libc, SETSID) };

  /** Out of the way of the descriptors that the program is given. */
  const movedUp = (fd: number, lowest: number): number =>
    fd < lowest ? fcntl(fd, F_DUPFD_CLOEXEC, lowest) : fd;

  return {
    pipe: () => {
      const ends = [-1, -1];
      if (pipe2(ends, O_CLOEXEC) !== 0) return undefined;
      const [readEnd = -1, writeEnd = -1] = ends;
      return { readEnd, writeEnd };
    },
    spawn: (path, { argv, environment, descriptors, cwd, isLeader }) => {
      const actions = Buffer.alloc(STRUCT_BYTES);
      const moved: number[] = [];
      initActions(actions);
      try {
        for (const [index, fd] of descriptors.entries()) {
          if (fd === undefined) addOpen(actions, index, "/dev/null", constants.O_RDWR, 0);
          else {
            const source = movedUp(fd, descriptors.length);
            if (source < 0) return undefined;
            if (source !== fd) moved.push(source);
            addDup2(actions, source, index);
          }
        }
        if (cwd !== undefined) addChdir(actions, cwd);
        const pid = [0];
        const attribute = isLeader ? attributes.leader : attributes.follower;
        const failure = posixSpawn(pid, path, actions, attribute, [...argv, null], [...environment, null]);
        return failure === 0 ? pid[0] : undefined;
      } finally {
        destroyActions(actions);
        for (const fd of moved) closeSync(fd);
      }
    },
    wait: (pid) => {
      const status = [0];
      const found = waitpid(pid, status, WNOHANG);
      return found === 0 ? undefined : found === pid ? status[0] : UNKNOWN_STATUS;
    },
  };
}

/** All signals as a program finds them when nobody has touched them: not ignored, as SIGPIPE is here, nor blocked. */
function attributesOf(libc: ReturnType<typeof openLibc>, more: number): Buffer {
  const attributes = Buffer.alloc(STRUCT_BYTES);
  // sigfillset(3) leaves out the C library's own, which the program would get ignored then.
  const [all, none] = [Buffer.alloc(STRUCT_BYTES, 0xff), Buffer.alloc(STRUCT_BYTES)];
  libc.func("int posix_spawnattr_init(uint8_t*)")(attributes);
  libc.func("int posix_spawnattr_setsigdefault(uint8_t*, const uint8_t*)")(attributes, all);
  libc.func("int posix_spawnattr_setsigmask(uint8_t*, const uint8_t*)")(attributes, none);
  libc.func("int posix_spawnattr_setflags(uint8_t*, int16_t)")(attributes, SETSIGDEF | SETSIGMASK | more);
  return attributes;
}
