// The engine by itself, driven by the stock docker CLI on both sides: run, exec, the API's list of containers.
import { execOverApi, request } from "./peers.mjs";
import { interleave, run } from "./run.mjs";
import { pick } from "./stacks.mjs";

const IMAGE = "bench/busybox:1";
const LISTED = 200;

export async function measureEngine(sides, { rounds }) {
  const docker = (side, ...args) => run("docker", args, { env: side.dockerEnv });
  for (const side of sides) {
    await docker(side, "run", "-d", "--name", "exec-target", IMAGE, "sleep", "100000");
  }
  const times = await interleave(
    sides.map(({ name }) => name),
    rounds,
    async (name) => {
      const side = sides.find((candidate) => candidate.name === name);
      return {
        "docker run --rm true": (await docker(side, "run", "--rm", IMAGE, "true")).ms,
        "docker run -d": (await docker(side, "run", "-d", "--label", "bench=1", IMAGE, "sleep", "100000")).ms,
        "docker exec true": (await docker(side, "exec", "exec-target", "true")).ms,
        "the same exec over the API": await execOverApi(side.socket, "exec-target", ["true"]),
        "docker --version, which asks no engine": (await docker(side, "--version")).ms,
      };
    },
  );
  const rows = Object.keys(times[sides[0].name]).map((what) => ({ what, times: pick(times, what) }));

  for (const side of sides) {
    for (let index = 0; index < LISTED; index++)
      await request(side.socket, "/containers/create", {
        Image: IMAGE,
        Cmd: ["true"],
        Labels: { bench: "1" },
      });
  }
  const listed = await interleave(
    sides.map(({ name }) => name),
    rounds * 4,
    async (name) => {
      const { socket } = sides.find((side) => side.name === name);
      const { body, ms } = await request(socket, "/containers/json?all=1");
      if (JSON.parse(body).length < LISTED) throw new Error(`Not all containers are listed: ${body}`);
      return { list: ms };
    },
  );
  rows.push({ what: `GET /containers/json, ${LISTED} containers`, times: pick(listed, "list") });

  for (const side of sides) {
    const ids = (await docker(side, "ps", "-aq", "--filter", "label=bench=1")).stdout
      .trim()
      .split("\n")
      .filter(Boolean);
    await docker(side, "rm", "-f", "exec-target", ...ids);
  }
  return { title: "The engine, driven by the docker CLI", unit: "ms", rows };
}
