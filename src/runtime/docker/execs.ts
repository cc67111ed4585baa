import { setTimeout as sleep } from "node:timers/promises";
import { compact } from "../../lib/compact.ts";
import { execInfoFromWire, execSpecToWire } from "../docker-api/index.ts";
import { type Containers, RuntimeError } from "../index.ts";
import type { Connection } from "./connection.ts";
import { hijackedSession, isFramed, resize } from "./session.ts";

const EXIT_POLL_MS = 10;

export function dockerExecs(
  connection: Connection,
): Pick<Containers, "createExec" | "startExec" | "inspectExec" | "resizeExec"> {
  const at = (id: string): string => `/exec/${encodeURIComponent(id)}`;
  const inspectExec: Containers["inspectExec"] = async (id) =>
    execInfoFromWire(await connection.object("GET", `${at(id)}/json`));
  /** Created here and not started yet: whether it has a terminal. Of any other the engine is asked. */
  const fresh = new Map<string, boolean>();
  return {
    inspectExec,
    async createExec(id, spec) {
      const path = `/containers/${encodeURIComponent(id)}/exec`;
      const answer = await connection.object("POST", path, { json: execSpecToWire(spec) });
      const execId = answer.text("Id") ?? "";
      fresh.set(execId, spec.tty === true);
      return execId;
    },
    async startExec(id, { detach = false, tty, consoleSize } = {}) {
      const isTty = fresh.get(id) ?? (await isTtyOfUnstarted(inspectExec, id));
      fresh.delete(id);
      const json = compact<Record<string, unknown>>({
        Detach: detach,
        Tty: tty ?? isTty,
        ConsoleSize: consoleSize && [consoleSize.rows, consoleSize.columns],
      });
      if (detach) {
        await connection.status("POST", `${at(id)}/start`, { json });
        return undefined;
      }
      const hijacked = await connection.hijack(`${at(id)}/start`, { json });
      return hijackedSession(hijacked, {
        isFramed: isFramed(hijacked) || json["Tty"] !== true,
        resize: (size) => resize(connection, `${at(id)}/resize`, size),
        afterOutput: async (closing) => {
          // dockerd ends the stream a moment before it has noted how the command ended.
          const isRunning = () =>
            inspectExec(id).then(
              (exec) => exec.isRunning,
              () => false,
            );
          while (!closing.aborted && (await isRunning())) await sleep(EXIT_POLL_MS);
        },
      });
    },
    async resizeExec(id, size) {
      await resize(connection, `${at(id)}/resize`, size);
    },
  };
}

/** dockerd tells of a second start only in the stream, when it has been answered as a success. */
async function isTtyOfUnstarted(inspectExec: Containers["inspectExec"], id: string): Promise<boolean> {
  const { spec, isRunning, exitCode } = await inspectExec(id);
  if (isRunning || exitCode !== undefined)
    throw new RuntimeError("conflict", `exec command ${id} has already run`);
  return spec.tty === true;
}
