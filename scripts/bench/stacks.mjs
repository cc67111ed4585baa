// Stacks of 1, 10 and 50 services: cold `up -d`, `up -d` with nothing to do, `ps`, `down`.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { interleave, run } from "./run.mjs";

export const SIZES = [1, 10, 50];

export async function measureStacks(sides, { rounds, scratch }) {
  const rows = [];
  for (const size of SIZES) {
    const dir = stackFolder(scratch, size);
    const times = await interleave(
      sides.map(({ name }) => name),
      size >= 50 ? Math.max(3, Math.ceil(rounds / 2)) : rounds,
      (name) =>
        life(
          sides.find((side) => side.name === name),
          dir,
        ),
    );
    for (const what of ["up -d", "up -d, nothing to do", "ps", "down"]) {
      rows.push({ what: `${what}, ${size} service${size === 1 ? "" : "s"}`, times: pick(times, what) });
    }
  }
  return { title: "Stacks of busybox services", unit: "ms", rows };
}

/** A folder with a Compose file of so many services. */
export function stackFolder(scratch, size) {
  const dir = join(scratch, `bench${size}`);
  mkdirSync(dir, { recursive: true });
  const services = Array.from(
    { length: size },
    (_, index) =>
      `  s${index}:\n    image: bench/busybox:1\n    command: [sleep, "100000"]\n    init: false\n    stop_signal: SIGKILL\n`,
  );
  writeFileSync(join(dir, "compose.yaml"), `name: bench${size}\nservices:\n${services.join("")}`);
  return dir;
}

async function life(side, dir) {
  const [command, ...first] = side.command;
  const time = async (...args) => (await run(command, [...first, ...args], { cwd: dir, env: side.env })).ms;
  return {
    "up -d": await time("up", "-d"),
    "up -d, nothing to do": await time("up", "-d"),
    ps: await time("ps"),
    down: await time("down"),
  };
}

export function pick(times, what) {
  return Object.fromEntries(Object.entries(times).map(([side, byName]) => [side, byName[what]]));
}
