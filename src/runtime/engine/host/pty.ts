import { constants } from "node:fs";
import { openLibc } from "./libc.ts";

/** The calls of pseudo-terminals, and of the socket over which an OCI runtime hands one over. Numbers are descriptors. */
export interface PtyCalls {
  /** Both ends of a new one; undefined when the system says no. */
  open(): { readonly master: number; readonly slave: number } | undefined;
  /** The other end of a terminal whose master this is, wherever its file lies; undefined when the system says no. */
  slaveOf(master: number): number | undefined;
  resize(master: number, rows: number, columns: number): void;
  /** Reads and writes fail with EAGAIN from now on where they would wait, for all who share the open file. */
  setNonBlocking(fd: number): void;
  /** Whether something can be read; what a process has written that has ended is seen. */
  hasInput(fd: number): boolean;
  /** Undefined when the system says no. */
  listen(path: string): number | undefined;
  /** Undefined while nobody has called. */
  accept(listener: number): number | undefined;
  /** The descriptor that a message over the socket brings; undefined while none has come. */
  receiveDescriptor(socket: number): number | undefined;
}

const O_CLOEXEC = 0o2000000;
const TIOCSWINSZ = 0x5414;
const TIOCGPTPEER = 0x5441;
const FIONBIO = 0x5421;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const POLLIN = 1;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
/** Of a `struct cmsghdr` on a machine of 64 bits. */
const CMSG_HEADER_BYTES = 16;
const DATA_BYTES = 4096;

let loading: Promise<PtyCalls | undefined> | undefined;

/** Undefined where koffi or a C library of a known name is missing. */
export function loadPtyCalls(): Promise<PtyCalls | undefined> {
  loading ??= import("koffi").then(({ default: koffi }) => bindPtyCalls(koffi)).catch(() => undefined);
  return loading;
}

function bindPtyCalls(koffi: typeof import("koffi")["default"]): PtyCalls {
  const libc = openLibc(koffi);
  const posixOpenpt = libc.func("int posix_openpt(int)");
  const grantpt = libc.func("int grantpt(int)");
  const unlockpt = libc.func("int unlockpt(int)");
  const close = libc.func("int close(int)");
  const ioctlNumber = libc.func("ioctl", "int", ["int", "ulong", "long"]);
  const ioctlBytes = libc.func("ioctl", "int", ["int", "ulong", "const uint8_t*"]);
  const poll = libc.func("int poll(_Inout_ uint8_t*, ulong, int)");
  const socket = libc.func("int socket(int, int, int)");
  const bind = libc.func("int bind(int, const uint8_t*, uint32_t)");
  const listen = libc.func("int listen(int, int)");
  const accept4 = libc.func("int accept4(int, void*, void*, int)");
  const Vector = koffi.struct({ base: "uint8_t*", length: "size_t" });
  const MessageHeader = koffi.struct({
    name: "void*",
    nameLength: "uint32_t",
    vectors: koffi.pointer(Vector),
    vectorCount: "size_t",
    control: "uint8_t*",
    controlLength: "size_t",
    flags: "int",
  });
  const recvmsg = libc.func("recvmsg", "long", ["int", koffi.pointer(MessageHeader), "int"]);
  const orUndefined = (fd: number) => (fd < 0 ? undefined : fd);
  const slaveOf = (master: number) =>
    orUndefined(ioctlNumber(master, TIOCGPTPEER, constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC));

  return {
    open: () => {
      const master = posixOpenpt(constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC);
      if (master < 0) return undefined;
      const slave = grantpt(master) === 0 && unlockpt(master) === 0 ? slaveOf(master) : undefined;
      if (slave !== undefined) return { master, slave };
      close(master);
      return undefined;
    },
    slaveOf,
    resize: (master, rows, columns) => {
      ioctlBytes(master, TIOCSWINSZ, Buffer.from(Uint16Array.of(rows, columns, 0, 0).buffer));
    },
    setNonBlocking: (fd) => void ioctlBytes(fd, FIONBIO, Buffer.from(Int32Array.of(1).buffer)),
    hasInput: (fd) => {
      const entry = Buffer.alloc(8);
      entry.writeInt32LE(fd, 0);
      entry.writeInt16LE(POLLIN, 4);
      return poll(entry, 1, 0) > 0 && (entry.readInt16LE(6) & POLLIN) !== 0;
    },
    listen: (path) => {
      const fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | O_CLOEXEC, 0);
      if (fd < 0) return undefined;
      const address = Buffer.concat([Buffer.from(Uint16Array.of(AF_UNIX).buffer), Buffer.from(`${path}\0`)]);
      if (bind(fd, address, address.length) === 0 && listen(fd, 1) === 0) return fd;
      close(fd);
      return undefined;
    },
    accept: (listener) => orUndefined(accept4(listener, null, null, SOCK_NONBLOCK | O_CLOEXEC)),
    receiveDescriptor: (fd) => {
      const control = Buffer.alloc(CMSG_HEADER_BYTES + 8);
      const header = {
        name: null,
        nameLength: 0,
        vectors: { base: Buffer.alloc(DATA_BYTES), length: DATA_BYTES },
        vectorCount: 1,
        control,
        controlLength: control.length,
        flags: 0,
      };
      if (recvmsg(fd, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0) return undefined;
      const isOne = control.readInt32LE(8) === SOL_SOCKET && control.readInt32LE(12) === SCM_RIGHTS;
      return isOne ? control.readInt32LE(CMSG_HEADER_BYTES) : undefined;
    },
  };
}
