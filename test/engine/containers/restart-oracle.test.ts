import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cgroupParentOf } from "../../../src/runtime/engine/containers/bundle.ts";
import { Cgroups } from "../../../src/runtime/engine/containers/cgroups.ts";
import { diskLayout } from "../../../src/runtime/engine/disk-layout.ts";
import type { RestartPolicy } from "../../../src/runtime/index.ts";
import { EngineProcess } from "../../support/engine-process.ts";
import { BUSYBOX, TestEngine } from "../../support/test-engine.ts";
import { until } from "../../support/until.ts";

// What becomes of containers over an end of the daemon: dockerd 28.5 with runc, measured, in 35 states and six
// events, against ours. Where we differ, and why, is in DEVIATIONS; nothing else may.

const POLICIES = {
  no: { name: "no" },
  always: { name: "always" },
  "unless-stopped": { name: "unless-stopped" },
  "on-failure": { name: "on-failure", maximumRetryCount: 0 },
  "on-failure:3": { name: "on-failure", maximumRetryCount: 3 },
} as const satisfies Record<string, RestartPolicy>;
type Policy = keyof typeof POLICIES;

/** The state a container is in before the event. The stop signal ends `quits` with 0, what has an init with 143. */
type State = "created" | "quits" | "runs" | "paused" | "stopped" | "killed" | "done" | "failed";

/** How dockerd ends: on SIGTERM, by SIGKILL, with everything that runs; without and with live-restore. */
const COLUMNS = ["term", "kill", "all", "live term", "live kill", "live all"] as const;
type Column = (typeof COLUMNS)[number];

/**
 * After the next daemon has come up: `same` as before; `lives`: the same process goes on, frozen or not; `again`: a
 * new process, counted as no restart; else exited with this code.
 */
type Cell = "same" | "lives" | "again" | number;

const same: readonly Cell[] = COLUMNS.map(() => "same");
const again: readonly Cell[] = COLUMNS.map(() => "again");

const TABLE: Readonly<Record<Policy, Readonly<Partial<Record<State, readonly Cell[]>>>>> = {
  no: {
    created: same,
    quits: [0, 0, 255, "lives", "lives", 255],
    runs: [143, 143, 255, "lives", "lives", 255],
    paused: [143, 143, 255, "lives", "lives", 255],
    stopped: same,
    killed: same,
    done: same,
    failed: same,
  },
  always: {
    created: same,
    quits: ["again", "again", "again", "lives", "lives", "again"],
    runs: ["again", "again", "again", "lives", "lives", "again"],
    paused: ["again", "again", "again", "lives", "lives", "again"],
    stopped: again,
    killed: again,
  },
  "unless-stopped": {
    created: same,
    quits: ["again", 0, "again", "lives", "lives", "again"],
    runs: ["again", 143, "again", "lives", "lives", "again"],
    paused: ["again", 143, "again", "lives", "lives", "again"],
    stopped: same,
    killed: same,
  },
  "on-failure": {
    created: same,
    quits: [0, 0, "again", "lives", "lives", "again"],
    runs: ["again", "again", "again", "lives", "lives", "again"],
    paused: ["again", "again", "again", "lives", "lives", "again"],
    stopped: again,
    killed: again,
    done: same,
  },
  "on-failure:3": {
    created: same,
    quits: [0, 0, "again", "lives", "lives", "again"],
    runs: ["again", "again", "again", "lives", "lives", "again"],
    paused: ["again", "again", "again", "lives", "lives", "again"],
    stopped: again,
    killed: again,
    done: same,
    failed: same,
  },
};

interface Deviation {
  readonly why: string;
  readonly policies: readonly Policy[];
  readonly states: readonly State[];
  readonly columns: readonly Column[];
  readonly ours: Cell;
}

const DEVIATIONS: readonly Deviation[] = [
  {
    why: "Containers outlive the daemon in any case: there is no mode but live-restore",
    policies: ["no", "always", "on-failure", "on-failure:3"],
    states: ["quits", "runs", "paused"],
    columns: ["term", "kill"],
    ours: "lives",
  },
  {
    why: "The same; the next dockerd takes its own stop of what survived a kill for a person's, and never starts it",
    policies: ["unless-stopped"],
    states: ["quits", "runs", "paused"],
    columns: ["term", "kill"],
    ours: "lives",
  },
  {
    why: "Docker's documentation: on-failure leaves what somebody stopped. dockerd looks at the exit code alone",
    policies: ["on-failure", "on-failure:3"],
    states: ["stopped", "killed"],
    columns: COLUMNS,
    ours: "same",
  },
];

interface Row {
  readonly policy: Policy;
  readonly state: State;
  readonly cells: readonly Cell[];
}

const ROWS: readonly Row[] = Object.entries(TABLE).flatMap(([policy, states]) =>
  Object.entries(states).map(([state, cells]) => ({
    policy: policy as Policy,
    state: state as State,
    cells,
  })),
);

function deviationOf({ policy, state }: Row, column: Column): Deviation | undefined {
  return DEVIATIONS.find(
    ({ policies, states, columns }) =>
      policies.includes(policy) && states.includes(state) && columns.includes(column),
  );
}

/** `ended`: containers are ended as dockerd does it at a SIGTERM when it has no live-restore. */
function expected(row: Row, column: Column | "ended"): Cell | undefined {
  const docker = row.cells[COLUMNS.indexOf(column === "ended" ? "term" : column)];
  const ours = deviationOf(row, column === "ended" ? "term" : column)?.ours ?? docker;
  return column === "ended" && ours === "lives" ? docker : ours;
}

interface Seen {
  readonly restartCount: number;
  readonly state: { readonly status: string; readonly pid: number; readonly exitCode: number };
}

/** What is wrong with a container, if anything. */
function difference(cell: Cell | undefined, before: Seen, after: Seen): string | undefined {
  const now = `${after.state.status} ${after.state.exitCode}, restarts ${after.restartCount}`;
  const was = `${before.state.status} ${before.state.exitCode}, restarts ${before.restartCount}`;
  const isSameProcess = after.state.pid === before.state.pid;
  const isAgain = after.state.status === "running" && !isSameProcess && after.restartCount === 0;
  const fits =
    cell === "same" || cell === "lives"
      ? isSameProcess && now === was
      : cell === "again"
        ? isAgain
        : after.state.status === "exited" && after.state.exitCode === cell;
  return fits ? undefined : `${cell} expected: ${was} -> ${now}`;
}

const engine = new TestEngine("oracle");
const layout = diskLayout(engine.rootDir, engine.runDir);

beforeAll(async () => {
  await engine.prepare();
  await engine.close();
});
afterAll(() => engine.destroy());

const PROGRAMS: Readonly<Partial<Record<State, string>>> = {
  quits: "trap 'exit 0' TERM; echo ready; while true; do sleep 0.1; done",
  done: "exit 0",
  failed: "exit 3",
};

/** Brings a container into its state; resolves to its id. */
async function setUp(daemon: EngineProcess, { policy, state }: Row): Promise<string> {
  const call = <T = unknown>(method: string, ...args: readonly unknown[]) =>
    daemon.call<T>("containers", method, ...args);
  const program = PROGRAMS[state] ?? "echo ready; exec sleep 1000";
  const { id } = await call<{ id: string }>("create", {
    image: BUSYBOX,
    command: ["sh", "-c", program],
    init: program.includes("exec"),
    networkMode: "none",
    restartPolicy: POLICIES[policy],
  });
  if (state === "created") return id;
  await call("start", id);
  // A signal that comes before the program heeds it is lost.
  if (program.includes("ready"))
    await until(() => readFileSync(join(layout.containerDir(id), "container.log"), "utf8").includes("ready"));
  if (state === "paused") await call("pause", id);
  if (state === "stopped") await call("stop", id);
  if (state === "killed") await call("kill", id);
  if (state === "done" || state === "failed") {
    const restarts = state === "failed" && policy === "on-failure:3" ? 3 : 0;
    await until(async () => {
      const seen = await call<Seen>("inspect", id);
      return seen.state.status === "exited" && seen.restartCount === restarts;
    });
  }
  return id;
}

/** As when the machine loses its power: nobody is left to tell how anything ended. */
async function everythingDies(daemon: EngineProcess, ids: readonly string[]): Promise<void> {
  await daemon.kill();
  const cgroups = new Cgroups();
  for (const id of ids) {
    try {
      process.kill(Number(readFileSync(join(layout.bundleDir(id), "conmon.pid"), "utf8")), "SIGKILL");
    } catch {
      // It does not run.
    }
    await cgroups.killAll(join(cgroupParentOf(layout.instance), id));
  }
  rmSync(layout.exitsDir, { recursive: true, force: true });
}

describe("the table of 35 states and six ends of the daemon", () => {
  it("is whole, and each deviation from it is one", () => {
    expect(ROWS).toHaveLength(35);
    for (const { policies, states, columns, ours } of DEVIATIONS) {
      const cells = ROWS.filter((row) => policies.includes(row.policy) && states.includes(row.state)).flatMap(
        (row) => columns.map((column) => row.cells[COLUMNS.indexOf(column)]),
      );
      expect(cells).not.toContain(ours);
    }
  });

  it.each<
    [string, readonly (Column | "ended")[], (daemon: EngineProcess, ids: readonly string[]) => Promise<void>]
  >([
    ["is closed in good order", ["term", "live term"], (daemon) => daemon.close()],
    [
      "ends its containers before the machine goes down",
      ["ended"],
      (daemon) => daemon.close({ endsContainers: true }),
    ],
    ["is killed", ["kill", "live kill"], (daemon) => daemon.kill()],
    ["dies with everything that runs", ["all", "live all"], everythingDies],
  ])("holds when the daemon %s", async (_, columns, end) => {
    const daemon = await EngineProcess.start(engine.rootDir, engine.runDir);
    await daemon.ready();
    const ids = await Promise.all(ROWS.map((row) => setUp(daemon, row)));
    const before = await Promise.all(ids.map((id) => daemon.call<Seen>("containers", "inspect", id)));
    await end(daemon, ids);

    const { containers } = await engine.open();
    const differences = async () => {
      const after = await Promise.all(ids.map((id) => containers.inspect(id)));
      return columns.flatMap((column) =>
        ROWS.flatMap((row, index) => {
          const [was, now] = [before[index], after[index]];
          if (was === undefined || now === undefined) return [];
          const text = difference(expected(row, column), was, now);
          return text === undefined ? [] : [`${row.policy}, ${row.state}, ${column}: ${text}`];
        }),
      );
    };
    // Once what has to run runs again, everything else has been decided too.
    await until(async () => (await differences()).length === 0).catch(() => {});
    expect(await differences()).toEqual([]);
    await Promise.all(ids.map((id) => containers.remove(id, { force: true })));
    await engine.close();
  });
});
