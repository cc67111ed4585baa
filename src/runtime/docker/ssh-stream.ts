import { Duplex } from "node:stream";

/** A connection to the engine of another machine, as the docker client makes it: its `dial-stdio` over ssh. */
export function sshStream(url: URL, host: string): Duplex {
  const user = url.username === "" ? [] : ["-l", decodeURIComponent(url.username)];
  const port = url.port === "" ? [] : ["-p", url.port];
  const { spawn } = process.getBuiltinModule("node:child_process");
  const child = spawn(
    "ssh",
    ["-o", "ConnectTimeout=30", ...user, ...port, "--", host, "docker", "system", "dial-stdio"],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  child.on("error", (error) => stream.destroy(error));
  stream.on("close", () => child.kill());
  // The HTTP agent treats it as a socket.
  return Object.assign(stream, {
    setNoDelay: () => stream,
    setKeepAlive: () => stream,
    setTimeout: () => stream,
    ref: () => stream,
    unref: () => stream,
  });
}
