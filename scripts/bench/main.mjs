// `npm run bench`: Stowage beside docker compose + dockerd 28, in one run, interleaved. Root, ~10 minutes.
// Usage: node scripts/bench/main.mjs [--rounds N] [--only stacks,footprint,engine,images,builds,files,logs] [--out FILE]
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureBuilds } from "./builds.mjs";
import { measureEngine } from "./engine.mjs";
import { measureFiles } from "./files.mjs";
import { measureFootprint } from "./footprint.mjs";
import { measureImages } from "./images.mjs";
import { measureLogs } from "./logs.mjs";
import { scratchFolder, startDocker, startStowage } from "./peers.mjs";
import { renderReport } from "./report.mjs";
import { run } from "./run.mjs";
import { measureStacks } from "./stacks.mjs";

const values = argumentsGiven();
const rounds = Number(values.rounds);
const only = values.only.split(",");

if (process.getuid() !== 0) {
  process.stderr.write("bench: needs root, as both engines do\n");
  process.exit(1);
}
execFileSync("bash", ["scripts/build-if-stale.sh"], { stdio: "inherit" });

const [load] = loadavg();
const scratch = scratchFolder("files");
const sides = [];
try {
  sides.push(await startStowage(), await startDocker());
  const archive = busyboxArchive(scratch);
  await run("bin/stowage", ["image", "import", archive, "bench/busybox:1"], { env: sides[0].env });
  await run("docker", ["import", archive, "bench/busybox:1"], { env: sides[1].env });

  const sections = [];
  if (only.includes("stacks")) sections.push(await measureStacks(sides, { rounds, scratch }));
  if (only.includes("footprint")) sections.push(await measureFootprint(sides, { scratch }));
  if (only.includes("engine")) sections.push(await measureEngine(sides, { rounds, scratch }));
  if (only.includes("images")) sections.push(await measureImages(sides, { rounds, scratch }));
  if (only.includes("builds")) sections.push(await measureBuilds(sides, { rounds, scratch }));
  if (only.includes("files")) sections.push(await measureFiles(sides, { rounds, scratch }));
  if (only.includes("logs")) sections.push(await measureLogs(sides, { rounds, scratch }));
  const machine = `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}, load ${load.toFixed(1)} before`;
  const ociRuntimes = await Promise.all(sides.map(ociRuntimeOf));
  const report = renderReport(sections, { machine, rounds, ociRuntimes });
  writeFileSync(values.out, report);
  process.stdout.write(report);
} finally {
  for (const side of sides) await side.stop();
  rmSync(scratch, { recursive: true, force: true });
}

/** A root file system of a static busybox and its applets, as a tar. */
function busyboxArchive(dir) {
  const root = join(dir, "busybox");
  mkdirSync(join(root, "bin"), { recursive: true });
  for (const name of ["etc", "tmp", "root", "var"]) mkdirSync(join(root, name));
  execFileSync("cp", ["/bin/busybox", join(root, "bin/busybox")]);
  execFileSync("sh", [
    "-c",
    `for a in $(/bin/busybox --list); do [ "$a" = busybox ] || ln -s busybox ${root}/bin/$a; done`,
  ]);
  const archive = join(dir, "busybox.tar");
  execFileSync("tar", ["-C", root, "-cf", archive, "."]);
  return archive;
}

async function ociRuntimeOf({ dockerEnv }) {
  const { stdout } = await run("docker", ["info", "--format", "{{.DefaultRuntime}}"], { env: dockerEnv });
  return stdout.trim();
}

function argumentsGiven() {
  try {
    const options = {
      rounds: { type: "string", default: "5" },
      only: { type: "string", default: "stacks,footprint,engine,images,builds,files,logs" },
      out: { type: "string", default: "docs/benchmarks.md" },
    };
    return parseArgs({ options }).values;
  } catch (error) {
    process.stderr.write(
      `bench: ${error.message}\nUsage: npm run bench -- [--rounds N] [--only PARTS] [--out FILE]\n`,
    );
    process.exit(2);
  }
}
