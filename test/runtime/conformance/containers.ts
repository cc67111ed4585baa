import { describe, expect, it } from "vitest";
import { type Bench, kindOf, LABEL, OBEDIENT, STUBBORN, until } from "./support.ts";

export function containersKeepTheContract(bench: Bench): void {
  lifeOfAContainer(bench);
  waiting(bench);
  restarting(bench);
  listingContainers(bench);
  health(bench);
}

function lifeOfAContainer(bench: Bench): void {
  describe("a container's life", () => {
    it("goes from created over running to exited, and away", async () => {
      const { containers } = bench.runtime;
      const id = await bench.create(OBEDIENT);
      expect((await bench.status(id)).status).toBe("created");
      expect((await bench.status(id)).pid).toBe(0);
      expect(await containers.start(id)).toBe(true);
      const running = await bench.status(id);
      expect(running.status).toBe("running");
      expect(running.pid).toBeGreaterThan(0);
      expect(running.startedAt).toBeInstanceOf(Date);
      await bench.ready(id);
      expect(await containers.stop(id)).toBe(true);
      const stopped = await bench.status(id);
      expect(stopped).toMatchObject({ status: "exited", exitCode: 7, pid: 0 });
      expect(stopped.finishedAt?.getTime()).toBeGreaterThanOrEqual(stopped.startedAt?.getTime() ?? 0);
      await containers.remove(id);
      expect(await kindOf(containers.inspect(id))).toBe("not-found");
    });

    it("answers false when there is nothing to start or to stop", async () => {
      const { containers } = bench.runtime;
      const id = await bench.run(OBEDIENT);
      expect(await containers.start(id)).toBe(false);
      await bench.ready(id);
      await containers.stop(id);
      expect(await containers.stop(id)).toBe(false);
    });

    it("kills what does not heed its stop signal", async () => {
      const id = await bench.run(STUBBORN);
      await bench.ready(id);
      await bench.runtime.containers.stop(id, { timeoutSeconds: 0 });
      expect(await bench.status(id)).toMatchObject({ status: "exited", exitCode: 137 });
    });

    it("sends the stop signal of the spec", async () => {
      const command = ["sh", "-c", "trap 'exit 9' USR1; echo ready; while true; do sleep 0.05; done"];
      const id = await bench.run(command, { stopSignal: "SIGUSR1" });
      await bench.ready(id);
      await bench.runtime.containers.stop(id, { timeoutSeconds: 5 });
      expect((await bench.status(id)).exitCode).toBe(9);
    });

    it("tells a stop by somebody from an end of its own", async () => {
      if (bench.setup.hidesManualStop === true) return;
      const stopped = await bench.run(OBEDIENT);
      await bench.ready(stopped);
      await bench.runtime.containers.stop(stopped);
      expect((await bench.status(stopped)).wasStoppedManually).toBe(true);
      const { id } = await bench.output(["true"]);
      expect((await bench.status(id)).wasStoppedManually).not.toBe(true);
    });

    it("starts again after an exit", async () => {
      const { id } = await bench.output(["sh", "-c", "exit 3"]);
      expect((await bench.status(id)).exitCode).toBe(3);
      await bench.runtime.containers.start(id);
      expect((await bench.runtime.containers.wait(id)).exitCode).toBe(3);
    });

    it("stays created, with the reason, when its command does not exist", async () => {
      const id = await bench.create(["no-such-command"]);
      await expect(bench.runtime.containers.start(id)).rejects.toMatchObject({ name: "RuntimeError" });
      expect(await bench.status(id)).toMatchObject({ status: "created", exitCode: 127 });
    });

    it("pauses and goes on", async () => {
      const { containers } = bench.runtime;
      const id = await bench.run(["sleep", "1000"]);
      await containers.pause(id);
      expect((await bench.status(id)).status).toBe("paused");
      expect(await kindOf(containers.pause(id))).toBe("conflict");
      expect(await kindOf(containers.start(id))).toBe("conflict");
      await containers.unpause(id);
      expect((await bench.status(id)).status).toBe("running");
      expect(await kindOf(containers.unpause(id))).toBe("conflict");
    });

    it("restarts in place: same id, new process", async () => {
      const id = await bench.run(OBEDIENT);
      const before = await bench.status(id);
      await bench.runtime.containers.restart(id, { timeoutSeconds: 1 });
      const after = await bench.status(id);
      expect(after.status).toBe("running");
      expect(after.pid).not.toBe(before.pid);
    });

    it("gets signals", async () => {
      const { containers } = bench.runtime;
      const id = await bench.run(OBEDIENT);
      await bench.ready(id);
      await containers.kill(id, "SIGTERM");
      await until(async () => (await bench.status(id)).status !== "running");
      expect((await bench.status(id)).exitCode).toBe(7);
      expect(await kindOf(containers.kill(id))).toBe("conflict");
    });

    it("is refused a second one's name, and takes a free one", async () => {
      const { containers } = bench.runtime;
      const name = bench.name("named");
      const { id } = await containers.create(bench.spec(["true"]), { name });
      expect(await kindOf(containers.create(bench.spec(["true"]), { name }))).toBe("already-exists");
      const other = bench.name("renamed");
      await containers.rename(id, other);
      expect((await containers.inspect(other)).id).toBe(id);
      expect((await containers.inspect(id)).name).toBe(other);
      expect(await kindOf(containers.inspect(name))).toBe("not-found");
      await containers.create(bench.spec(["true"]), { name });
    });

    it("is not removed by its own name as a link", async () => {
      const { containers } = bench.runtime;
      const id = await bench.create(["true"]);
      const { name } = await containers.inspect(id);
      expect(await kindOf(containers.removeLink(`${name}/nobody`))).toBe("not-found");
      expect(await kindOf(containers.removeLink(name))).not.toBe("no error");
      expect((await containers.inspect(id)).id).toBe(id);
    });

    it("is found by name, id and the beginning of its id", async () => {
      const { containers } = bench.runtime;
      const name = bench.name("found");
      const { id } = await containers.create(bench.spec(["true"]), { name });
      expect(id).toMatch(/^[0-9a-f]{64}$/);
      for (const key of [name, id, id.slice(0, 12)]) expect((await containers.inspect(key)).id).toBe(id);
    });

    it("is not created from an image that is not here, nor under an impossible name", async () => {
      const { containers } = bench.runtime;
      const spec = { ...bench.spec(["true"]), image: "stowage-conformance/no-such-image:1" };
      expect(await kindOf(containers.create(spec))).toBe("not-found");
      expect(await kindOf(containers.create(bench.spec(["true"]), { name: "not/possible" }))).toBe("invalid");
    });

    it("is removed while running only by force", async () => {
      const { containers } = bench.runtime;
      const id = await bench.run(["sleep", "1000"]);
      expect(await kindOf(containers.remove(id))).toBe("conflict");
      await containers.remove(id, { force: true });
      expect(await kindOf(containers.remove(id))).toBe("not-found");
    });

    it("removes itself when that was asked", async () => {
      const { containers } = bench.runtime;
      const id = await bench.run(["sh", "-c", "sleep 0.2"], { autoRemove: true });
      await until(async () => (await kindOf(containers.inspect(id))) === "not-found");
    });

    it("has the environment, folder, user and labels of its spec", async () => {
      const { stdout, id } = await bench.output(["sh", "-c", "echo $GREETING; pwd; id -u"], {
        env: ["GREETING=hello there"],
        workingDir: "/tmp",
        user: "1234",
        labels: { colour: "blue" },
      });
      expect(stdout.split("\n").slice(0, 3)).toEqual(["hello there", "/tmp", "1234"]);
      const info = await bench.runtime.containers.inspect(id);
      expect(info.labels).toMatchObject({ colour: "blue", [LABEL]: "" });
      expect(info.spec.env).toContain("GREETING=hello there");
    });

    it("has the host name of its spec, or the beginning of its id", async () => {
      expect((await bench.output(["hostname"], { hostname: "harbour" })).stdout).toBe("harbour\n");
      const { id, stdout } = await bench.output(["hostname"]);
      expect(stdout).toBe(`${id.slice(0, 12)}\n`);
    });

    it("starts what the entrypoint and the command say together", async () => {
      const { stdout } = await bench.output(["there"], { entrypoint: ["echo", "hello"] });
      expect(stdout).toBe("hello there\n");
    });

    it("is unknown everywhere once it is gone", async () => {
      const { containers } = bench.runtime;
      const missing = "no-such-container";
      const attempts = [
        containers.start(missing),
        containers.stop(missing),
        containers.kill(missing),
        containers.restart(missing),
        containers.pause(missing),
        containers.remove(missing),
        containers.wait(missing),
        containers.rename(missing, bench.name("x")),
        containers.createExec(missing, { command: ["true"] }),
      ];
      for (const kind of await Promise.all(attempts.map(kindOf))) expect(kind).toBe("not-found");
    });
  });
}

function waiting(bench: Bench): void {
  describe("waiting for a container", () => {
    it("tells the exit code, also afterwards", async () => {
      const { containers } = bench.runtime;
      const id = await bench.run(["sh", "-c", "sleep 0.2; exit 5"]);
      expect((await containers.wait(id)).exitCode).toBe(5);
      expect((await containers.wait(id)).exitCode).toBe(5);
    });

    it("cannot miss an exit once it is armed", async () => {
      const { containers } = bench.runtime;
      const id = await bench.create(["sh", "-c", "exit 6"]);
      let waited: Promise<{ readonly exitCode: number }> | undefined;
      await new Promise<void>((resolve) => {
        waited = containers.wait(id, { condition: "next-exit", onArmed: resolve });
      });
      await containers.start(id);
      expect((await waited)?.exitCode).toBe(6);
    });

    it("waits for the removal", async () => {
      const { containers } = bench.runtime;
      const id = await bench.run(["sleep", "1000"]);
      let waited: Promise<unknown> | undefined;
      await new Promise<void>((resolve) => {
        waited = containers.wait(id, { condition: "removed", onArmed: resolve });
      });
      await containers.remove(id, { force: true });
      await waited;
    });

    it("ends with the signal", async () => {
      const end = new AbortController();
      const id = await bench.run(["sleep", "1000"]);
      const waited = bench.runtime.containers.wait(id, { signal: end.signal, onArmed: () => end.abort() });
      expect(await kindOf(waited)).toBe("cancelled");
    });
  });
}

function restarting(bench: Bench): void {
  describe("a restart policy", () => {
    it("brings a container back, and counts", async () => {
      const id = await bench.run(["sh", "-c", "sleep 0.1; exit 1"], { restartPolicy: { name: "always" } });
      await until(async () => (await bench.runtime.containers.inspect(id)).restartCount >= 1);
      expect(["running", "restarting"]).toContain((await bench.status(id)).status);
    });

    it("gives up after the number of failures it was given", async () => {
      const restartPolicy = { name: "on-failure", maximumRetryCount: 2 } as const;
      const id = await bench.run(["sh", "-c", "exit 1"], { restartPolicy });
      await until(async () => {
        const { state, restartCount } = await bench.runtime.containers.inspect(id);
        return state.status === "exited" && restartCount === 2;
      });
    });

    it("lets a success end with on-failure", async () => {
      const restartPolicy = { name: "on-failure", maximumRetryCount: 0 } as const;
      const id = await bench.run(["sh", "-c", "sleep 0.1"], { restartPolicy });
      await until(async () => (await bench.status(id)).status === "exited");
    });

    it("heeds a stop, also between two runs", async () => {
      const id = await bench.run(["sh", "-c", "exit 1"], { restartPolicy: { name: "always" } });
      await until(async () => (await bench.status(id)).status === "restarting");
      await bench.runtime.containers.stop(id);
      expect((await bench.status(id)).status).toBe("exited");
    });

    it("does not go together with automatic removal", async () => {
      const spec = bench.spec(["true"], { autoRemove: true, restartPolicy: { name: "always" } });
      expect(await kindOf(bench.runtime.containers.create(spec))).toBe("invalid");
    });
  });
}

function listingContainers(bench: Bench): void {
  describe("listing containers", () => {
    it("shows running ones, and all when asked, the newest first", async () => {
      const { containers } = bench.runtime;
      const filters = { label: ["suite=list"] };
      const labels = { suite: "list" };
      const running = await bench.run(["sleep", "1000"], { labels });
      const created = await bench.create(["true"], { labels });
      expect((await containers.list({ filters })).map(({ id }) => id)).toEqual([running]);
      expect((await containers.list({ all: true, filters })).map(({ id }) => id)).toEqual([created, running]);
      expect(
        (await containers.list({ filters: { ...filters, status: ["created"] } })).map(({ id }) => id),
      ).toEqual([created]);
    });

    it("tells in a summary what inspecting tells", async () => {
      const { containers } = bench.runtime;
      const id = await bench.run(["sleep", "1000"], { labels: { suite: "summary" } });
      const [summary] = await containers.list({ filters: { label: ["suite=summary"] } });
      const info = await containers.inspect(id);
      expect(summary).toMatchObject({ id, name: info.name, image: info.image, imageId: info.imageId });
      expect(summary?.labels).toEqual(info.labels);
      expect(summary?.state.status).toBe("running");
      expect(summary?.command.join(" ")).toContain("sleep 1000");
    });

    it("needs every label that is asked for, and refuses filters it does not know", async () => {
      const { containers } = bench.runtime;
      const id = await bench.create(["true"], { labels: { suite: "labels", part: "one" } });
      const list = (label: readonly string[]) => containers.list({ all: true, filters: { label } });
      expect((await list(["suite=labels", "part=one"])).map((found) => found.id)).toEqual([id]);
      expect(await list(["suite=labels", "part=two"])).toEqual([]);
      expect(await list(["suite=labels", "other"])).toEqual([]);
      expect(await kindOf(containers.list({ filters: { colour: ["blue"] } }))).toBe("invalid");
    });
  });
}

function health(bench: Bench): void {
  describe("a health check", () => {
    const timing = { intervalMs: 150, timeoutMs: 5_000, retries: 2 };

    it("makes a container healthy, and unhealthy after so many failures", async () => {
      const healthcheck = { ...timing, test: ["CMD-SHELL", "test -f /tmp/ok"] };
      const id = await bench.run(["sh", "-c", "touch /tmp/ok; sleep 1000"], { healthcheck });
      await until(async () => (await bench.status(id)).health?.status === "healthy");
      expect((await bench.exec(id, ["rm", "/tmp/ok"])).exitCode).toBe(0);
      await until(async () => (await bench.status(id)).health?.status === "unhealthy");
      const state = await bench.status(id);
      expect(state.status).toBe("running");
      expect(state.health?.failingStreak).toBeGreaterThanOrEqual(2);
      expect(state.health?.log.at(-1)?.exitCode).not.toBe(0);
    });

    it("starts as starting, and is absent where nothing checks", async () => {
      const healthcheck = { ...timing, intervalMs: 60_000, test: ["CMD", "true"] };
      const id = await bench.run(["sleep", "1000"], { healthcheck });
      expect((await bench.status(id)).health?.status).toBe("starting");
      const plain = await bench.run(["sleep", "1000"]);
      expect((await bench.status(plain)).health).toBeUndefined();
    });
  });
}
