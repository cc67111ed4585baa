import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { pack } from "tar-stream";

/** A root file system of nothing but a static busybox and its applets, as a tar. */
export function busyboxTar(): Readable {
  const program = busyboxPath();
  const applets = execFileSync(program, ["--list"], { encoding: "utf8" }).trim().split("\n");
  const archive = pack();
  const folder = (name: string, mode = 0o755) => archive.entry({ name, type: "directory", mode });
  for (const name of ["bin", "etc", "proc", "sys", "dev", "root", "home", "var", "usr", "usr/bin"])
    folder(name);
  folder("tmp", 0o1777);
  archive.entry({ name: "bin/busybox", mode: 0o755 }, readFileSync(program));
  for (const name of applets)
    if (name !== "busybox") archive.entry({ name: `bin/${name}`, type: "symlink", linkname: "busybox" });
  archive.entry({ name: "etc/passwd" }, "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\n");
  archive.entry({ name: "etc/group" }, "root:x:0:\ndaemon:x:1:\nwheel:x:10:root\n");
  archive.finalize();
  return Readable.from(archive);
}

export function busyboxPath(): string {
  return execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim();
}
