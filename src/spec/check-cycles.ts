import type { CheckRun } from "./check-rules.ts";

/** Reports each circle of dependencies once, at the dependency that closes it. Each edge is walked once. */
export function checkCycles(run: CheckRun): void {
  const done = new Set<string>();
  for (const start of run.services.keys()) {
    const open: { readonly name: string; readonly next: Iterator<string> }[] = [];
    const onPath = new Set<string>();
    const enter = (name: string) => {
      open.push({ name, next: dependenciesOf(name, run) });
      onPath.add(name);
    };
    if (!done.has(start)) enter(start);
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const { value: name, done: isOver } = top.next.next();
      if (isOver) {
        open.pop();
        onPath.delete(top.name);
        done.add(top.name);
      } else if (onPath.has(name)) {
        const names = open.map((each) => each.name);
        report([...names.slice(names.indexOf(name)), name], top.name, run);
      } else if (!done.has(name)) enter(name);
    }
  }
}

function dependenciesOf(name: string, run: CheckRun): Iterator<string> {
  const declared = Object.keys(run.services.get(name)?.depends_on ?? {});
  return declared
    .filter((each) => run.services.has(each))
    .sort()
    [Symbol.iterator]();
}

function report(circle: readonly string[], from: string, run: CheckRun): void {
  const path = ["services", from, "depends_on", circle.at(-1) ?? ""];
  run.problems.error(
    "check/dependency-cycle",
    `Services depend on each other in a circle: ${circle.join(" -> ")}`,
    {
      at: run.keyPlaceOf(path),
      path,
    },
  );
}
