import { describe, expect, it } from "vitest";
import type { RuntimeEvent } from "../../../src/runtime/index.ts";
import { type Bench, eventsOf, OBEDIENT } from "./support.ts";

const isLast = ({ action }: RuntimeEvent) => action === "destroy";

export function eventsKeepTheContract(bench: Bench): void {
  describe("events", () => {
    it("tell a container's life in order", async () => {
      const { containers } = bench.runtime;
      const name = bench.name("told");
      const filters = { type: ["container"], container: [name] };
      const seen = await eventsOf(
        bench,
        filters,
        async () => {
          const { id } = await containers.create(bench.spec(OBEDIENT), { name });
          await containers.start(id);
          await bench.started(id);
          await containers.stop(id);
          await containers.remove(id);
        },
        isLast,
      );
      const actions = seen.map(({ action }) => action).filter((action) => !action.startsWith("exec_"));
      // Of the end of the process and the end of the call nobody promises which is told first.
      const ends = actions.slice(3, 5).sort();
      expect([...actions.slice(0, 3), ...ends, ...actions.slice(5)]).toEqual([
        "create",
        "start",
        "kill",
        "die",
        "stop",
        "destroy",
      ]);
      const die = seen.find(({ action }) => action === "die");
      expect(die?.attributes).toMatchObject({ name, exitCode: "7", image: bench.setup.image });
      const times = seen.map(({ timeNs }) => timeNs);
      expect([...times].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))).toEqual(times);
    });

    it("carry a container's labels and are filtered by them", async () => {
      const label = "stowage.event=1";
      const seen = await eventsOf(
        bench,
        { type: ["container"], label: [label] },
        async () => {
          await bench.output(["true"]);
          const { id } = await bench.output(["true"], { labels: { "stowage.event": "1" } });
          await bench.runtime.containers.remove(id);
        },
        isLast,
      );
      expect(new Set(seen.map(({ id }) => id)).size).toBe(1);
      expect(seen[0]?.attributes["stowage.event"]).toBe("1");
    });

    it("are replayed from an instant on", async () => {
      const { containers } = bench.runtime;
      const name = bench.name("replayed");
      const filters = { type: ["container"], container: [name] };
      const live = await eventsOf(
        bench,
        filters,
        async () => {
          const { id } = await containers.create(bench.spec(["true"]), { name });
          await containers.remove(id);
        },
        isLast,
      );
      const sinceNs = live[0]?.timeNs ?? 0n;
      const again: string[] = [];
      const end = new AbortController();
      for await (const event of bench.runtime.events({ filters, sinceNs }, end.signal)) {
        again.push(event.action);
        if (isLast(event)) break;
      }
      end.abort();
      expect(again).toEqual(live.map(({ action }) => action));
    });

    it("end with the signal", async () => {
      const end = new AbortController();
      const stream = bench.runtime.events({}, end.signal);
      end.abort();
      for await (const _ of stream);
    });
  });
}
