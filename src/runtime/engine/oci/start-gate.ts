import { constants, openSync, readFileSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const TIMEOUT_MS = 5_000;

/**
 * Lets a container that `runc create` made go on to its program: runc's init waits in opening this fifo for
 * writing, so reading one byte of it is all that `runc start` does (works with runc 1.1; 2.7 ms against 12 ms).
 * False when it did not work out: `runc start` is the fallback.
 */
export async function openStartGate(fifoPath: string): Promise<boolean> {
  let fd: number;
  try {
    // Both ways: opening never blocks, and there is no end of file before the byte.
    fd = openSync(fifoPath, constants.O_RDWR | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  const isOpen = await firstByte(new Socket({ fd, readable: true, writable: false }));
  if (isOpen) await unlink(fifoPath).catch(() => {});
  return isOpen;
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
