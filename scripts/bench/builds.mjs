// A Dockerfile of ten steps, from nothing and with all of it cached: BuildKit of dockerd, and ours, by `docker build` and by itself.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { interleave, run } from "./run.mjs";
import { pick } from "./stacks.mjs";

const IMAGE = "bench/app:1";
const DOCKERFILE = `FROM bench/busybox:1
ENV APP=/app
WORKDIR /app
COPY packages.txt .
RUN sort packages.txt >packages.sorted && sha256sum packages.sorted >packages.sum
COPY src src
RUN tar -cf - src | gzip -c >src.tar.gz
RUN mkdir -p /var/lib/app && for name in $(cat packages.sorted); do echo "$name" >/var/lib/app/$name; done
USER 1000
EXPOSE 8080
CMD ["cat", "/app/packages.sum"]
`;

export async function measureBuilds(sides, { rounds, scratch }) {
  const dir = contextFolder(scratch);
  const { dockerEnv, buildx } = sides.find(({ name }) => name === "docker");
  // The same client with the same configuration for both engines. buildx, its plug-in, works by itself too.
  const client = (side, program, ...args) =>
    run(program, args, { env: { ...dockerEnv, DOCKER_HOST: side.dockerEnv.DOCKER_HOST } });
  const build = async (side, ...args) =>
    (await client(side, "docker", "build", "-t", IMAGE, ...args, dir)).ms;
  const buildAlone = async (side) => (await client(side, buildx, "build", "-t", IMAGE, dir)).ms;
  const own = async ({ command, env }, ...args) =>
    (await run(command[0], ["image", "build", "-t", IMAGE, ...args, dir], { env })).ms;
  const times = await interleave(
    sides.map(({ name }) => name),
    rounds,
    async (name) => {
      const side = sides.find((candidate) => candidate.name === name);
      const alone = name === "docker" ? build : own;
      return {
        "docker build, nothing cached": await build(side, "--no-cache"),
        "docker build, all cached": await build(side),
        "the same by buildx without the docker client": await buildAlone(side),
        // What the clients need for themselves: no engine can make a build by them faster than this.
        "docker build --help, which asks no engine": (await client(side, "docker", "build", "--help")).ms,
        "stowage build, docker build, nothing cached": await alone(side, "--no-cache"),
        "stowage build, docker build, all cached": await alone(side),
      };
    },
  );
  for (const side of sides) {
    await client(side, "docker", "rmi", IMAGE);
    await client(side, "docker", "builder", "prune", "-af");
  }
  const rows = Object.keys(times[sides[0].name]).map((what) => ({ what, times: pick(times, what) }));
  return { title: "Building a Dockerfile of ten steps", unit: "ms", rows };
}

/** 200 source files, 2 MB. */
function contextFolder(scratch) {
  const dir = join(scratch, "app");
  mkdirSync(join(dir, "src"), { recursive: true });
  writeFileSync(join(dir, "Dockerfile"), DOCKERFILE);
  const names = Array.from({ length: 200 }, (_, index) => `module-${(index * 7919) % 200}`);
  writeFileSync(join(dir, "packages.txt"), `${names.join("\n")}\n`);
  for (const name of names)
    writeFileSync(join(dir, "src", `${name}.js`), `export const ${name.replace("-", "")} = 1;\n`.repeat(300));
  return dir;
}
