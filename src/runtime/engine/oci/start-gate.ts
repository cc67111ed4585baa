import { constants, openSync, readFileSync } from "node:fs";
import { open, unlink } from "node:fs/promises";
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const TIMEOUT_MS = 5_000;

/**
 * Lets a container that was created go on to its program, as `start` of the OCI runtime does, without a process for
 * it (2.7 ms against 12). runc's init waits in opening this fifo for writing: one byte is read of it. crun's has it open
 * and waits for a byte in it: one is written. False when it did not work out: `start` is the fallback.
 */
export async function openStartGate(name: "runc" | "crun", fifoPath: string): Promise<boolean> {
  const isOpen = name === "crun" ? await writeByte(fifoPath) : await readByte(fifoPath);
  if (isOpen) await unlink(fifoPath).catch(() => {});
  return isOpen;
}

async function writeByte(fifoPath: string): Promise<boolean> {
  try {
    // Does not block, and fails where nobody waits: what is written then would be lost.
    const fifo = await open(fifoPath, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      return (await fifo.write(Buffer.alloc(1))).bytesWritten === 1;
    } finally {
      await fifo.close();
    }
  } catch {
    return false;
  }
}

async function readByte(fifoPath: string): Promise<boolean> {
  let fd: number;
  try {
    // Both ways: opening never blocks, and there is no end of file before the byte.
    fd = openSync(fifoPath, constants.O_RDWR | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  return firstByte(new Socket({ fd, readable: true, writable: false }));
}

/** How long the last step, from the gate to the program, may take before it is left to itself. */
const BEGIN_PATIENCE_MS = 500;

/**
 * Until the OCI runtime's own init has become the program, or has ended: a signal that comes before is taken by
 * the init, whose answers to signals are not the program's.
 */
export async function programBegun(pid: number): Promise<void> {
  const deadline = Date.now() + BEGIN_PATIENCE_MS;
  while (isInit(pid) && Date.now() < deadline) await sleep(1);
}

/** runc names the last stage of its init so; crun keeps its own name. */
function isInit(pid: number): boolean {
  try {
    return /^(runc:\[|crun$)/.test(readFileSync(`/proc/${pid}/comm`, "utf8").trim());
  } catch {
    return false;
  }
}

function firstByte(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isOpen: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(isOpen);
    };
    const timer = setTimeout(settle, TIMEOUT_MS, false);
    socket.once("data", () => settle(true));
    socket.once("error", () => settle(false));
  });
}
