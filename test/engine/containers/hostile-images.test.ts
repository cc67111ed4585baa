import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pack } from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContainerRuntime } from "../../../src/runtime/index.ts";
import { busyboxPath } from "../../support/busybox-image.ts";
import { TestEngine } from "../../support/test-engine.ts";

const engine = new TestEngine("hostile");
let runtime: ContainerRuntime;
let canary = "";

beforeAll(async () => {
  runtime = await engine.prepare();
  canary = mkdtempSync(join(tmpdir(), "stowage-canary-"));
});
afterAll(async () => {
  await engine.destroy();
  rmSync(canary, { recursive: true });
});

/** An image whose `path` is a link to `target`. */
function imageWithLink(path: string, target: string): Readable {
  const archive = pack();
  archive.entry({ name: "bin", type: "directory", mode: 0o755 });
  archive.entry({ name: "bin/busybox", mode: 0o755 }, readFileSync(busyboxPath()));
  archive.entry({ name: "bin/sh", type: "symlink", linkname: "busybox" });
  const parent = path.split("/").slice(1, -1).join("/");
  if (parent !== "") archive.entry({ name: parent, type: "directory", mode: 0o755 });
  archive.entry({ name: path.slice(1), type: "symlink", linkname: target });
  archive.finalize();
  return Readable.from(archive);
}

/** Debian's runc 1.1.5 alone deletes and makes files where such a link leads, on the host. */
describe("an image whose mount points are links to the host", () => {
  const paths = ["/dev", "/proc", "/sys", "/etc", "/dev/pts", "/etc/hosts", "/dev/shm", "/sbin"];
  const up = "../../../../../../../../../../../..";
  it.each(paths.flatMap((path) => [`${path} absolute`, `${path} relative`]))(
    "%s: touches nothing there",
    async (what) => {
      const [path = "", kind] = what.split(" ");
      for (const name of ["ptmx", "fd", "null", "hosts", "resolv.conf", "docker-init"])
        writeFileSync(join(canary, name), name);
      const before = readdirSync(canary).sort();
      const target = kind === "absolute" ? canary : `${up}${canary}`;
      const reference = `hostile:${path.replaceAll("/", "")}-${kind}`;
      await runtime.images.import(imageWithLink(path, target), { reference });
      const { id } = await runtime.containers.create({
        image: reference,
        command: ["/bin/sh", "-c", "echo x > /dev/null; echo up"],
        networkMode: "none",
        init: true,
        mounts: [{ type: "tmpfs", target: `${path}/below` }],
      });
      const outcome = await runtime.containers.start(id).catch((error: Error) => error);
      if (outcome !== true) expect(outcome).toMatchObject({ name: "RuntimeError" });
      else await runtime.containers.wait(id);
      await runtime.containers.remove(id, { force: true });
      expect(readdirSync(canary).sort()).toEqual(before);
      for (const name of before) expect(readFileSync(join(canary, name), "utf8")).toBe(name);
    },
  );
});
