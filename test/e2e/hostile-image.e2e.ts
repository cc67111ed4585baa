import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { scenario } from "./scenario.ts";

const LINKED = ["dev", "proc", "sys", "etc", "dev/pts", "etc/hosts"] as const;

scenario(
  "an image that makes system folders links must not reach this machine's files",
  { files: "test/e2e/hostile-image" },
  async (world, step) => {
    const canary = join(world.dir, "canary");
    mkdirSync(canary);
    for (const name of ["ptmx", "null", "hosts", "resolv.conf", "hostname"])
      writeFileSync(join(canary, name), name);
    const state = () =>
      execFileSync("sh", ["-c", `cd ${canary} && ls -lAR --time-style=full-iso . && cat *`], {
        encoding: "utf8",
      });
    const before = state();

    for (const path of LINKED) {
      for (const kind of ["absolute", "relative"] as const) {
        await step(`/${path} is a link out of the image, ${kind}`, async () => {
          const target = path === "etc/hosts" ? `${canary}/hosts` : canary;
          const archive = hostileArchive(
            world.dir,
            path,
            kind === "absolute" ? target : `../../../../../..${target}`,
          );
          await world.stowage(`image import ${archive} hostile:1`);
          const ran = await world.attempt("run --rm -T victim", { env: { HOSTILE_IMAGE: "hostile:1" } });
          expect([0, 1, 125], ran.stderr).toContain(ran.code);
          expect(ran.stderr).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
          expect(state()).toBe(before);
        });
      }
    }
    await step("nothing of it stays", async () => {
      await world.attempt("down -v", { env: { HOSTILE_IMAGE: "hostile:1" } });
    });
  },
);

/** A root file system with busybox in which one path is a link. */
function hostileArchive(dir: string, path: string, target: string): string {
  const root = join(dir, "hostile");
  const script = `
    rm -rf ${root}; mkdir -p ${root}/bin ${root}/tmp; cp /bin/busybox ${root}/bin/
    mkdir -p "$(dirname ${root}/${path})"; ln -s ${target} ${root}/${path}
    tar -C ${root} -cf ${root}.tar .`;
  execFileSync("sh", ["-euc", script]);
  return `${root}.tar`;
}
