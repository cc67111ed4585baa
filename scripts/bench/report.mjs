// docs/benchmarks.md from what was measured.
import { median } from "./run.mjs";

export function renderReport(sections, { machine, rounds, ociRuntimes }) {
  return [
    "# Benchmarks",
    "",
    "Made by `npm run bench`: Stowage, and docker compose 2.40 on dockerd 28, in one run, in turn, on one machine",
    `(${machine}; ${rounds} rounds; OCI runtimes: ${ociRuntimes.join(" and ")}). Medians, with the fastest in brackets. A ratio below 1 means`,
    "that Stowage needs less. [performance.md](performance.md) says where the time goes.",
    ...sections.flatMap(renderSection),
    "",
  ].join("\n");
}

function renderSection({ title, unit, rows }) {
  return [
    "",
    `## ${title}`,
    "",
    `| ${unit === "" ? "what" : `what (${unit})`} | Stowage | docker | ratio |`,
    "|---|---|---|---|",
    ...rows.map(
      ({ what, times }) =>
        `| ${what} | ${show(times.stowage)} | ${show(times.docker)} | ${(median(times.stowage) / median(times.docker)).toFixed(2)} |`,
    ),
  ];
}

function show(values) {
  const digits = median(values) < 10 ? 2 : 0;
  const middle = median(values).toFixed(digits);
  return values.length === 1 ? middle : `${middle} (${Math.min(...values).toFixed(digits)})`;
}
