// What 50 running containers cost while nothing happens: memory per container and of the daemon, idle CPU.
import { cpuSecondsOf, memoryOf, pidsOf, sum } from "./memory.mjs";
import { run } from "./run.mjs";
import { stackFolder } from "./stacks.mjs";

const CONTAINERS = 50;
const IDLE_SECONDS = 30;

export async function measureFootprint(sides, { scratch }) {
  const dir = stackFolder(scratch, CONTAINERS);
  const found = {};
  for (const side of sides) {
    const [command, ...first] = side.command;
    await run(command, [...first, "up", "-d"], { cwd: dir, env: side.env });
    found[side.name] = await weigh(side);
    await run(command, [...first, "down"], { cwd: dir, env: side.env });
  }
  const row = (what, key) => ({
    what,
    times: Object.fromEntries(Object.entries(found).map(([side, all]) => [side, [all[key]]])),
  });
  return {
    title: `${CONTAINERS} running containers, idle`,
    unit: "",
    rows: [
      row("monitor or shim, MB PSS per container", "monitorPss"),
      row("monitor or shim, MB RSS per container", "monitorRss"),
      row("daemon (dockerd with containerd), MB RSS", "daemonRss"),
      row("daemon (dockerd with containerd), MB PSS", "daemonPss"),
      row(`daemon's CPU over ${IDLE_SECONDS} s, % of a core`, "idleCpu"),
    ],
  };
}

async function weigh(side) {
  const daemons = side.daemonPids();
  const before = sum(daemons.map(cpuSecondsOf));
  await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
  const idleCpu = ((sum(daemons.map(cpuSecondsOf)) - before) / IDLE_SECONDS) * 100;
  const monitors = pidsOf(
    ["conmon", "containerd-shim-runc-v2"],
    side.socket.slice(0, side.socket.lastIndexOf("/")).replace(/\/run$/, ""),
  );
  const megabytes = (pids, key) => sum(pids.map((pid) => memoryOf(pid)[key])) / 1e6;
  return {
    monitorPss: megabytes(monitors, "pss") / CONTAINERS,
    monitorRss: megabytes(monitors, "rss") / CONTAINERS,
    daemonRss: megabytes(daemons, "rss"),
    daemonPss: megabytes(daemons, "pss"),
    idleCpu,
  };
}
