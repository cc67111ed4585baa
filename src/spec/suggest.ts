/** Words that people try, and what they mean. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  env: "environment",
  envs: "environment",
  env_vars: "environment",
  environments: "environment",
  net: "network_mode",
  cmd: "command",
  args: "command",
  ressources: "resources",
  mount: "volumes",
  mounts: "volumes",
  health_check: "healthcheck",
  depends: "depends_on",
  dependson: "depends_on",
  depend_on: "depends_on",
  restart_policy: "restart",
  workdir: "working_dir",
  working_directory: "working_dir",
  memory: "mem_limit",
  hostname_: "hostname",
  exec: "command",
};

/** The candidate that was probably meant, if any. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  const plain = normal(word);
  const same = candidates.find((candidate) => normal(candidate) === plain);
  if (same !== undefined) return same;
  const meant = OTHER_NAMES[word.toLowerCase()];
  if (meant !== undefined && candidates.includes(meant)) return meant;
  if (word.length < 3) return undefined;
  const limit = Math.min(3, Math.max(1, Math.floor(word.length / 3)));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

export function didYouMean(word: string, candidates: readonly string[]): string | undefined {
  const meant = suggest(word, candidates);
  return meant === undefined ? undefined : `did you mean "${meant}"?`;
}

function normal(word: string): string {
  return word.toLowerCase().replaceAll(/[-_ ]/g, "").replace(/s$/, "");
}

/** Insertions, deletions, changes and swaps of neighbours between two words; stops counting at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 64) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(change, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? limit;
}
