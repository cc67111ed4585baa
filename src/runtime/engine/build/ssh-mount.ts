import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, rm, stat } from "node:fs/promises";
import { connect as connectTo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { RuntimeError } from "../../index.ts";
import type { PreparedMount } from "../parts.ts";
import type { BuildSession } from "./build-session.ts";

/** `RUN --mount=type=ssh`. */
export interface SshMount {
  readonly type: "ssh";
  readonly id: string;
  readonly target: string;
  readonly isRequired: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** `invalid` for what is no socket: a private key, mostly. */
async function throughSocket(
  id: string,
  sockets: Readonly<Record<string, string>> = {},
): Promise<(() => Socket) | undefined> {
  const path = sockets[id];
  if (path === undefined) return undefined;
  const isSocket = await stat(path).then(
    (found) => found.isSocket(),
    () => false,
  );
  if (isSocket) return () => connectTo(path);
  throw new RuntimeError(
    "invalid",
    `Cannot forward SSH agent "${id}": ${path} is not the socket of an agent; for a key, run ssh-agent and ssh-add`,
  );
}

/** A socket that leads to the client's agent while the command runs; undefined: the client forwards none. */
export async function openSshMount(
  { options, builder }: BuildSession,
  mount: SshMount,
): Promise<{ readonly mount: PreparedMount; close(): Promise<void> } | undefined> {
  const connect = (await options.sshAgent?.(mount.id)) ?? (await throughSocket(mount.id, options.sshSockets));
  if (connect === undefined) {
    if (mount.isRequired)
      throw new RuntimeError("not-found", `no SSH agent "${mount.id}" is forwarded: give --ssh ${mount.id}`);
    return undefined;
  }
  // Short: the path of a socket has a hundred bytes at most.
  const dir = join(builder.layout.runDir, `ssh-${randomBytes(4).toString("hex")}`);
  await mkdir(dir, { mode: 0o700 });
  const socket = join(dir, "agent");
  const clients = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    clients.add(client);
    const agent = connect();
    pipeline(client, agent, client, () => {
      clients.delete(client);
      agent.destroy();
    });
  });
  const close = async (): Promise<void> => {
    for (const client of clients) client.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(socket, resolve));
    await chown(socket, mount.uid, mount.gid);
    await chmod(socket, mount.mode);
  } catch (error) {
    await close();
    throw error;
  }
  return { mount: { type: "bind", source: socket, target: mount.target, options: ["rbind", "ro"] }, close };
}
