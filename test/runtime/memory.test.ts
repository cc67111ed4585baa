import { describe, expect, it } from "vitest";
import { openMemoryRuntime, openSimulatedRuntime, TurnableClock } from "../../src/runtime/memory/index.ts";
import { conformance } from "./conformance/index.ts";

conformance({
  name: "memory",
  image: "busybox:latest",
  open: async () => openMemoryRuntime({ images: { "busybox:latest": { files: { "/tmp/.keep": "" } } } }),
  close: (runtime) => runtime.close(),
});

describe("the memory runtime", () => {
  it("shows what would happen with images whose programs nobody has", async () => {
    const clock = new TurnableClock();
    const { containers, images } = openSimulatedRuntime({ clock });
    await images.pull("mysql:8");
    const healthcheck = { test: ["CMD", "mysqladmin", "ping"], intervalMs: 1_000 };
    const service = (name: string) => ({ "com.docker.compose.service": name });
    const server = await containers.create({ image: "mysql:8", command: ["mysqld"], healthcheck });
    const task = await containers.create({
      image: "mysql:8",
      command: ["migrate"],
      labels: service("task"),
    });
    for (const { id } of [server, task]) await containers.start(id);
    await containers.create({
      image: "mysql:8",
      labels: {
        ...service("web"),
        "com.docker.compose.depends_on": "task:service_completed_successfully:false",
      },
    });
    await clock.turn(1_500);
    const state = async ({ id }: { readonly id: string }) => (await containers.inspect(id)).state;
    expect(await state(server)).toMatchObject({ status: "running", health: { status: "healthy" } });
    expect(await state(task)).toMatchObject({ status: "exited", exitCode: 0 });
  });

  it("backs off between restarts as Docker does, by a clock that a test turns", async () => {
    const clock = new TurnableClock();
    const { containers } = openMemoryRuntime({ clock, images: { "x:1": {} } });
    const { id } = await containers.create({
      image: "x:1",
      command: ["sh", "-c", "exit 1"],
      restartPolicy: { name: "always" },
    });
    await containers.start(id);
    const counts: number[] = [];
    for (const ms of [50, 100, 200, 400, 800]) {
      await clock.turn(ms);
      counts.push((await containers.inspect(id)).restartCount);
    }
    expect(counts).toEqual([0, 1, 2, 3, 4]);
  });
});
