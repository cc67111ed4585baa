import { getSystemErrorName } from "node:util";

/** The C library's calls that Node has no function for. Numbers in, numbers out; -1 has become an exception. */
export interface Libc {
  mount(source: string | null, target: string, type: string | null, flags: number, data: string | null): void;
  umount2(target: string, flags: number): void;
  unshare(flags: number): void;
  setns(fd: number, flags: number): void;
  chdir(path: string): void;
  close(fd: number): void;
  socket(domain: number, type: number, protocol: number): number;
  setSocketOption(fd: number, level: number, name: number, value: number): void;
  bind(fd: number, address: Uint8Array): void;
  listen(fd: number, backlog: number): void;
  send(fd: number, message: Uint8Array): void;
  receive(fd: number, buffer: Uint8Array): number;
  interfaceIndex(name: string): number;
  /** A file in memory that may be executed, empty (memfd_create(2)): its descriptor, closed in programs we start. */
  createMemory(name: string): number;
  /** From now on nobody changes what such a file holds, nor its size, nor this (F_ADD_SEALS of fcntl(2)). */
  seal(fd: number): void;
  /** An flock(2) for us alone; false when another has one. */
  tryLock(fd: number): boolean;
  /** Freed memory goes back to the machine, of the whole process. Nothing where the C library cannot. */
  trimMemory(): void;
  /** Arguments alternate type name and value, as variadic calls want them. `what` begins the error's text. */
  syscall(what: string, number: number, ...typedArguments: readonly unknown[]): number;
}

/** A failed call, with Node's `code` (`ENOENT`) so that callers branch as on any other. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  readonly code: string;

  constructor(call: string, errno: number) {
    const code = errorName(errno);
    super(`${call}: ${code}`);
    this.code = code;
  }
}

/** Undefined where koffi or a C library of a known name is missing. */
export async function loadLibc(): Promise<Libc | undefined> {
  try {
    return bindLibc((await import("koffi")).default);
  } catch {
    return undefined;
  }
}

type Koffi = typeof import("koffi")["default"];

const LIBRARY_NAMES = ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];

function bindLibc(koffi: Koffi): Libc {
  const library = openLibc(koffi);
  const call = (definition: string) => {
    const bound = library.func(definition);
    return (what: string, ...values: readonly unknown[]): number => {
      const result = bound(...values) as number | bigint;
      if (result < 0) throw new SystemError(what, koffi.errno());
      return Number(result);
    };
  };
  const mount = call("int mount(const char*, const char*, const char*, unsigned long, const char*)");
  const umount2 = call("int umount2(const char*, int)");
  const unshare = call("int unshare(int)");
  const setns = call("int setns(int, int)");
  const chdir = call("int chdir(const char*)");
  const close = call("int close(int)");
  const socket = call("int socket(int, int, int)");
  const setsockopt = call("int setsockopt(int, int, int, const uint8_t*, uint32_t)");
  const bind = call("int bind(int, const uint8_t*, uint32_t)");
  const listen = call("int listen(int, int)");
  const send = call("long send(int, const uint8_t*, size_t, int)");
  const recv = call("long recv(int, _Out_ uint8_t*, size_t, int)");
  const ifNametoindex = call("uint if_nametoindex(const char*)");
  const memfdCreate = call("int memfd_create(const char*, uint)");
  const fcntl = call("int fcntl(int, int, ...)");
  const flock = call("int flock(int, int)");
  const trim = heapTrimming(library);
  return {
    mount: (source, target, type, flags, data) => {
      mount(`mount ${source ?? type ?? ""} on ${target}`, source, target, type, flags, data);
    },
    umount2: (target, flags) => void umount2(`unmount ${target}`, target, flags),
    unshare: (flags) => void unshare("unshare", flags),
    setns: (fd, flags) => void setns("setns", fd, flags),
    chdir: (path) => void chdir(`chdir ${path}`, path),
    close: (fd) => void close("close", fd),
    socket: (domain, type, protocol) => socket("socket", domain, type, protocol),
    setSocketOption: (fd, level, name, value) => {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(value);
      setsockopt("set socket option", fd, level, name, bytes, bytes.length);
    },
    bind: (fd, address) => void bind("bind", fd, address, address.length),
    listen: (fd, backlog) => void listen("listen", fd, backlog),
    send: (fd, message) => void send("send", fd, message, message.length, 0),
    receive: (fd, buffer) => recv("receive", fd, buffer, buffer.length, 0),
    interfaceIndex: (name) => {
      const index = ifNametoindex(name, name);
      if (index === 0) throw new SystemError(`find interface ${name}`, ENODEV);
      return index;
    },
    createMemory: (name) => {
      const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
      try {
        return memfdCreate("create memory", name, flags | MFD_EXEC);
      } catch (error) {
        // Before Linux 6.3, where all such memory may be executed.
        if (error instanceof SystemError && error.code === "EINVAL")
          return memfdCreate("create memory", name, flags);
        throw error;
      }
    },
    seal: (fd) => void fcntl("seal memory", fd, F_ADD_SEALS, "int", ALL_SEALS),
    tryLock: (fd) => {
      try {
        flock("lock a file", fd, LOCK_EX | LOCK_NB);
        return true;
      } catch (error) {
        if (error instanceof SystemError && error.code === "EAGAIN") return false;
        throw error;
      }
    },
    trimMemory: () => void trim?.(0),
    syscall: call("long syscall(long, ...)"),
  };
}

const ENODEV = 19;
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_EXEC = 0x10;
const F_ADD_SEALS = 1033;
/** F_SEAL_SEAL, _SHRINK, _GROW and _WRITE: what runc and crun look for in their own program. */
const ALL_SEALS = 15;
const LOCK_EX = 2;
const LOCK_NB = 4;
const M_ARENA_MAX = -8;

/** Undefined with musl, which has no such calls, and gives back by itself. */
function heapTrimming(library: ReturnType<Koffi["load"]>): ((padBytes: number) => unknown) | undefined {
  try {
    library.func("int mallopt(int, int)")(M_ARENA_MAX, 2);
    return library.func("int malloc_trim(size_t)");
  } catch {
    return undefined;
  }
}

/** Under whichever name this machine has it. */
export function openLibc(koffi: Koffi): ReturnType<Koffi["load"]> {
  return openFirst(koffi, LIBRARY_NAMES);
}

export function openFirst(koffi: Koffi, names: readonly string[]): ReturnType<Koffi["load"]> {
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      return koffi.load(name);
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(failures, `none of ${names.join(", ")} can be loaded`);
}

function errorName(errno: number): string {
  try {
    return getSystemErrorName(-errno);
  } catch {
    return `errno ${errno}`;
  }
}
