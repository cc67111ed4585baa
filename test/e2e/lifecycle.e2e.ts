import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import {
  containerOf,
  containersOf,
  eventually,
  expectNothingToDo,
  page,
  settled,
  startedAt,
  statesOf,
} from "./checks.ts";
import { scenario } from "./scenario.ts";

const FILES = { files: "test/e2e/lifecycle", images: ["busybox"] } as const;

scenario("what a person asks for must be what the stack is held at", FILES, async (world, step) => {
  await world.givePort("WEB_PORT");
  await step("up", () => world.stowage("up -d"));
  await step("the job ends", () =>
    eventually("exit 0", async () => (await containerOf(world, "job")).State === "exited"),
  );
  await step("the finished job is not a difference", () => expectNothingToDo(world));

  await step("stop one service", () => world.stowage("stop worker"));
  await step("it stays stopped, and the plan knows", async () => {
    expect((await containerOf(world, "worker")).State).toBe("exited");
    expect((await containerOf(world, "web")).State).toBe("running");
    await settled(world, "lifecycle");
    expect((await containerOf(world, "worker")).State).toBe("exited");
  });
  await step("start it again", async () => {
    const before = (await containerOf(world, "worker")).ID;
    await world.stowage("start worker");
    expect(await containerOf(world, "worker")).toMatchObject({ ID: before, State: "running" });
  });

  await step("restart keeps the container and gives it a new process", async () => {
    const before = await startedAt(world, "web");
    await world.stowage("restart -t 1 web");
    expect((await containerOf(world, "web")).State).toBe("running");
    expect(await startedAt(world, "web")).not.toBe(before);
  });

  await step("scale up adds replicas, and keeps what runs", async () => {
    const first = (await containerOf(world, "worker")).ID;
    await world.stowage("scale worker=3");
    const workers = (await containersOf(world)).filter(({ Service }) => Service === "worker");
    expect(workers.map(({ Name, State }) => `${Name} ${State}`)).toEqual([
      "lifecycle-worker-1 running",
      "lifecycle-worker-2 running",
      "lifecycle-worker-3 running",
    ]);
    expect(workers[0]?.ID).toBe(first);
  });
  await step("scale down takes the highest numbers", async () => {
    await world.stowage("scale worker=1");
    expect((await statesOf(world)).filter((line) => line.includes("worker"))).toEqual([
      "lifecycle-worker-1 running",
    ]);
  });

  await step("stop all, and nothing comes back", async () => {
    await world.stowage("stop -t 1");
    await settled(world, "lifecycle");
    expect((await containersOf(world)).map(({ State }) => State)).toEqual(["exited", "exited", "exited"]);
  });
  await step("up starts the same containers", async () => {
    const before = (await containerOf(world, "web")).ID;
    await world.stowage("up -d");
    expect(await containerOf(world, "web")).toMatchObject({ ID: before, State: "running" });
  });
  await step("down", () => world.stowage("down -v -t 1"));
});

scenario("a person must be able to look into a running stack", FILES, async (world, step) => {
  const port = await world.givePort("WEB_PORT");
  await step("up", () => world.stowage("up -d"));

  await step("ps lists what runs, and the rest with -a", async () => {
    await eventually("the job ends", async () => (await containerOf(world, "job")).State === "exited");
    const { stdout } = await world.stowage("ps");
    expect(stdout).toContain("lifecycle-web-1");
    expect(stdout).not.toContain("lifecycle-job-1");
    expect((await world.stowage("ps -a")).stdout).toContain("lifecycle-job-1");
    expect((await world.stowage("ps -q")).stdout.trim().split("\n")).toHaveLength(2);
  });
  await step("port names the published address", async () =>
    expect((await world.stowage("port web 80")).stdout.trim()).toBe(`127.0.0.1:${port}`),
  );
  await step("top lists the processes", async () =>
    expect((await world.stowage("top web")).stdout).toMatch(/httpd -f -p 80/),
  );
  await step("logs are prefixed with their container", async () => {
    const stdout = await eventually("lines of both", async () => {
      const shown = (await world.stowage("logs --no-color job web")).stdout;
      return shown.trim().split("\n").length === 2 && shown;
    });
    expect(stdout).toMatch(/^job-1\s+\| the job is done$/m);
    expect(stdout).toMatch(/^web-1\s+\| ready on /m);
    const { stdout: tail } = await world.stowage("logs --no-log-prefix --tail 1 job");
    expect(tail).toBe("the job is done\n");
  });
  await step("logs -f goes on while there is something to tell", async () => {
    const following = world.start("logs -f --no-log-prefix --tail 1 worker");
    await eventually("ticks arrive", () => following.output().split("tick").length > 5);
    following.kill("SIGINT");
    expect((await following.ended).code).toBe(130);
  });

  await step("exec runs in the container, with its exit code, streams, user and folder", async () => {
    expect((await world.stowage("exec -T web sh -c 'echo $GREETING'")).stdout).toBe("hello\n");
    const both = await world.attempt("exec -T web sh -c 'echo out; echo err >&2; exit 7'");
    expect(both).toMatchObject({ code: 7, stdout: "out\n", stderr: "err\n" });
    expect((await world.stowage("exec -T -u www-data -w /tmp web sh -c 'id -un; pwd'")).stdout).toBe(
      "www-data\n/tmp\n",
    );
    expect((await world.stowage("exec -T -e WHO=me web sh -c 'echo $WHO'")).stdout).toBe("me\n");
    expect((await world.stowage("exec -T web cat", { input: "through stdin" })).stdout).toBe("through stdin");
    expect((await world.attempt("exec -T web no-such-command")).code).toBe(127);
    expect((await world.attempt("exec -T web /etc/passwd")).code).toBe(126);
  });
  await step("a page written by exec is served", async () => {
    await world.stowage("exec -T web sh -c 'echo written > /www/index.html'");
    expect(await eventually("the page", () => page(world, port))).toBe("written\n");
  });
  await step("run starts a container of its own and takes it away", async () => {
    const ran = await world.attempt("run --rm -T worker sh -c 'cat /etc/hostname >/dev/null && exit 5'");
    expect(ran.code, ran.stderr).toBe(5);
    expect((await containersOf(world)).map(({ Name }) => Name)).toHaveLength(3);
  });
  await step("run reaches the other services by name", async () =>
    expect((await world.stowage("run --rm -T worker wget -qO- http://web/")).stdout).toContain("written"),
  );
  await step("ls names the stack", async () =>
    expect((await world.stowage("ls")).stdout).toMatch(/lifecycle\s+running/),
  );
  await step("kill ends a service's process with the signal asked for", async () => {
    await world.stowage("kill -s KILL worker");
    await eventually("exit 137", async () => (await containerOf(world, "worker")).ExitCode === 137);
  });
  await step("down -v", () => world.stowage("down -v -t 1"));
});

scenario(
  "up in the foreground must show all logs and end all at an interrupt",
  FILES,
  async (world, step) => {
    await world.givePort("WEB_PORT");
    const up = await step("up", () => world.start("up"));
    await step("logs of all services are shown, each with its name", () =>
      eventually("lines of three services", () =>
        ["web-1", "worker-1", "job-1"].every((name) => new RegExp(`^${name}\\s+\\| `, "m").test(up.output())),
      ),
    );
    await step("an interrupt stops the containers and ends it with 130", async () => {
      up.kill("SIGINT");
      expect((await up.ended).code).toBe(130);
      expect((await containersOf(world)).map(({ State }) => State)).toEqual(["exited", "exited", "exited"]);
    });
    await step("down -v", () => world.stowage("down -v"));
  },
);

scenario(
  "what other files of the folder declare must be left alone by those that -f names",
  { images: ["busybox"] },
  async (world, step) => {
    const file = (name: string, ...services: readonly string[]) =>
      writeFileSync(
        join(world.stackDir, name),
        JSON.stringify({
          name: "both",
          services: Object.fromEntries(
            services.map((service) => [
              service,
              { image: "stowage/busybox:bookworm", command: "sleep 1000", init: true },
            ]),
          ),
        }),
      );
    file("app.json", "web", "db");
    file("watch.json", "probe");
    file("neither.json", "another");
    const states = () => statesOf(world, "-p both");
    await step("both are up, the second one is what is held", async () => {
      await world.stowage("-f app.json up -d");
      await world.stowage("-f watch.json up -d");
      expect(await states()).toEqual(["both-db-1 running", "both-probe-1 running", "both-web-1 running"]);
    });
    await step("stop, rm and down of files whose services are not there do nothing", async () => {
      for (const command of ["stop", "rm -sf", "down"]) await world.stowage(`-f neither.json ${command}`);
      expect(await states()).toEqual(["both-db-1 running", "both-probe-1 running", "both-web-1 running"]);
    });
    await step("stop, rm and down of the first leave the second one alone", async () => {
      await world.stowage("-f app.json stop -t 0");
      expect(await states()).toEqual(["both-db-1 exited", "both-probe-1 running", "both-web-1 exited"]);
      const { stdout } = await world.stowage("-f app.json rm -f");
      expect(stdout).toContain("Going to remove both-db-1, both-web-1\n");
      expect(await states()).toEqual(["both-probe-1 running"]);
      await world.stowage("-f app.json up -d");
      await world.stowage("-f watch.json stop -t 0");
      expect(await states()).toEqual(["both-db-1 running", "both-probe-1 exited", "both-web-1 running"]);
      await world.stowage("-f watch.json down");
      expect(await states()).toEqual(["both-db-1 running", "both-web-1 running"]);
    });
    await step("down with --remove-orphans takes them all", async () => {
      await world.stowage("-f watch.json up -d");
      await world.stowage("-f app.json down -t 0 --remove-orphans");
      expect(await states()).toEqual([]);
    });
  },
);
