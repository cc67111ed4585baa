// What processes weigh, from /proc.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Bytes of one process: resident, and its share of what it shares. */
export function memoryOf(pid) {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kilobytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(rollup)?.[1] ?? 0);
  return { rss: kilobytes("Rss") * 1024, pss: kilobytes("Pss") * 1024 };
}

/** Seconds of CPU time that a process has used. */
export function cpuSecondsOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Pids whose executable's base name is one of `names`, and whose command line holds `text`. */
export function pidsOf(names, text) {
  const found = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const executable = readlinkSync(`/proc/${pid}/exe`).split("/").at(-1);
      if (!names.includes(executable)) continue;
      if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text)) found.push(Number(pid));
    } catch {
      // It ended meanwhile, or is a kernel thread.
    }
  }
  return found;
}

export function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
