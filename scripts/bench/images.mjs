// An image of 60 MB in four layers, pulled by the docker CLI from a registry on this machine.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { background } from "./peers.mjs";
import { interleave, run, until } from "./run.mjs";
import { pick } from "./stacks.mjs";

/** What an application server has beside its system: folders of the tomcat image, a layer each. */
const FOLDERS = ["usr/share/java", "usr/lib/systemd", "usr/local/tomcat"];

export async function measureImages(sides, { rounds, scratch }) {
  const dockerd = sides.find(({ name }) => name === "docker");
  const registry = await startRegistry(scratch);
  const image = `${registry.address}/bench/server:1`;
  try {
    await pushImage(dockerd, image, scratch);
    const times = await interleave(
      sides.map(({ name }) => name),
      rounds,
      async (name) => ({
        pull: await pull(
          sides.find((side) => side.name === name),
          image,
        ),
      }),
    );
    const rows = [{ what: "docker pull, 64 MB in 4 layers", times: pick(times, "pull") }];
    return { title: "Images, by the docker CLI", unit: "ms", rows };
  } finally {
    await registry.stop();
  }
}

async function pull({ dockerEnv: env }, image) {
  // What was written before is not this round's to wait for.
  execFileSync("sync");
  const { ms, stdout } = await run("docker", ["pull", image], { env });
  if (!stdout.includes("Downloaded newer image") || stdout.includes("Already exists"))
    throw new Error(`Not all of the image was pulled:\n${stdout}`);
  await run("docker", ["rmi", image], { env });
  return ms;
}

async function startRegistry(scratch) {
  const port = await freePort();
  const config = join(scratch, "registry.yaml");
  const settings = {
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(scratch, "registry") } },
    http: { addr: `127.0.0.1:${port}` },
  };
  writeFileSync(config, JSON.stringify(settings));
  const log = join(scratch, "registry.log");
  const { end } = background("docker-registry", ["serve", config], process.env, log);
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(answers, "the registry to answer");
  return { address: `127.0.0.1:${port}`, stop: end };
}

/** Made and pushed by dockerd: compressed as the layers of most registries are. */
async function pushImage({ dockerEnv }, image, scratch) {
  const dir = join(scratch, "server");
  mkdirSync(dir, { recursive: true });
  execFileSync("bash", ["scripts/images/build.sh", "debian", "tomcat"], { stdio: "inherit" });
  takeLayer("debian", join(dir, "system.tar"));
  takeLayer("tomcat", join(dir, "tomcat.tar"));
  const parts = FOLDERS.map((folder, index) => {
    execFileSync("tar", ["-C", dir, "-xf", join(dir, "tomcat.tar"), `./${folder}`]);
    execFileSync("tar", ["-C", dir, "-cf", join(dir, `part${index}.tar`), `./${folder}`]);
    return `ADD part${index}.tar /`;
  });
  rmSync(join(dir, "tomcat.tar"));
  rmSync(join(dir, "usr"), { recursive: true });
  writeFileSync(join(dir, "Dockerfile"), ["FROM scratch", "ADD system.tar /", ...parts, ""].join("\n"));
  // BuildKit would keep the layers in its cache.
  const env = { ...dockerEnv, DOCKER_BUILDKIT: "0" };
  await run("docker", ["build", "-q", "-t", image, dir], { env });
  await run("docker", ["push", "-q", image], { env });
  await run("docker", ["rmi", image], { env });
  rmSync(dir, { recursive: true });
}

/** The one layer of an image that scripts/images made. */
function takeLayer(name, target) {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "stowage-images");
  const command = `tar -xOf "$1" --wildcards '*/layer.tar' >"$2"`;
  execFileSync("sh", ["-ec", command, "sh", join(cache, `${name}.tar`), target]);
}

function freePort() {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
