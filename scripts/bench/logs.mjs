// A million lines of output: as they are printed, read again by the docker CLI, and as a stack's log by both clients.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { interleave, run } from "./run.mjs";
import { pick } from "./stacks.mjs";

const IMAGE = "bench/busybox:1";
const TALKER = "benchlogs-talker-1";
const COMPOSE_FILE = `name: benchlogs
services:
  talker:
    image: ${IMAGE}
    command: [seq, "1", "1000000"]
`;

export async function measureLogs(sides, { rounds, scratch }) {
  const dir = join(scratch, "benchlogs");
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "compose.yaml"), COMPOSE_FILE);
  const [, dockerd] = sides;
  // Compose is a plug-in of the docker CLI: the same one, with the same configuration, for both engines.
  const docker = (side, ...args) =>
    run("docker", args, {
      cwd: dir,
      env: { ...dockerd.dockerEnv, DOCKER_HOST: side.dockerEnv.DOCKER_HOST },
    });
  const own = (side, ...args) =>
    run(side.command[0], [...side.command.slice(1), ...args], { cwd: dir, env: side.env });

  for (const side of sides) {
    await own(side, "up", "-d");
    await docker(side, "wait", TALKER);
  }
  const times = await interleave(
    sides.map(({ name }) => name),
    rounds,
    async (name) => {
      const side = sides.find((candidate) => candidate.name === name);
      return {
        "docker run, attached": await whole(docker(side, "run", "--rm", IMAGE, "seq", "1", "1000000")),
        "docker logs": await whole(docker(side, "logs", TALKER)),
        "docker logs --timestamps": await whole(docker(side, "logs", "--timestamps", TALKER)),
        "docker compose logs": await whole(docker(side, "compose", "logs")),
        "stowage logs, docker compose logs": await whole(own(side, "logs")),
      };
    },
  );
  for (const side of sides) await own(side, "down");
  const rows = Object.keys(times[sides[0].name]).map((what) => ({ what, times: pick(times, what) }));
  return { title: "A million lines of log", unit: "ms", rows };
}

/** The time of a command that printed all lines, in order. */
async function whole(running) {
  const { ms, stdout } = await running;
  const numbers = stdout
    .trimEnd()
    .split("\n")
    .map((line) => Number(line.slice(line.lastIndexOf(" ") + 1)));
  const isWhole = numbers.length === 1_000_000 && numbers.every((number, index) => number === index + 1);
  if (!isWhole) throw new Error(`Expected a million numbers in order, got ${numbers.length} lines`);
  return ms;
}
