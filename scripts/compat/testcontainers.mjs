// Starts real containers with the real Testcontainers library, on whatever engine DOCKER_HOST names, and says how each
// scenario went; ends with 1 when one failed. Where the library is not among Stowage's packages: install it in a folder, then
// DOCKER_HOST=unix://$SOCKET TESTCONTAINERS_RYUK_DISABLED=true node testcontainers.mjs FOLDER [PART OF A TITLE]
// The engine finds redis:7, mariadb:11 and busybox (scripts/images makes them; a registry on the loopback serves them).
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const library = createRequire(join(resolve(process.argv[2] ?? "."), "package.json"))("testcontainers");
const { DockerComposeEnvironment, GenericContainer, Network, PullPolicy, Wait } = library;
const folder = mkdtempSync(join(tmpdir(), "testcontainers-"));
const sleeper = () => new GenericContainer("busybox:latest").withCommand(["sleep", "600"]);
const redis = () => new GenericContainer("redis:7").withExposedPorts(6379);

const scenarios = {
  "redis answers at its mapped port": () =>
    using(redis().start(), async (container) => {
      assert.match(await ask(container, 6379, "PING\r\n"), /^\+PONG/);
    }),
  "a log line is waited for": () =>
    using(
      redis()
        .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
        .start(),
      async (container) => {
        assert.match(await ask(container, 6379, "SET k v\r\nGET k\r\n"), /\+OK\r\n\$1\r\nv/);
      },
    ),
  "mariadb is filled by a file that was copied in, and asked": () =>
    using(
      new GenericContainer("mariadb:11")
        .withEnvironment({
          MARIADB_ROOT_PASSWORD: "root",
          MARIADB_DATABASE: "shop",
          MARIADB_USER: "clerk",
          MARIADB_PASSWORD: "secret",
        })
        .withExposedPorts(3306)
        .withHealthCheck({
          test: ["CMD-SHELL", "mariadb -h127.0.0.1 -uclerk -psecret -e 'select 1' shop"],
          interval: 500,
          retries: 200,
        })
        .withWaitStrategy(Wait.forHealthCheck())
        .withStartupTimeout(180_000)
        .start(),
      async (container) => {
        const sql = "create table t (n int); insert into t values (40), (2); select sum(n) from t;";
        await container.copyContentToContainer([{ content: sql, target: "/tmp/fill.sql" }]);
        const { output, exitCode } = await container.exec([
          "sh",
          "-c",
          "mariadb -uclerk -psecret shop -N </tmp/fill.sql",
        ]);
        assert.deepEqual([output.trim(), exitCode], ["42", 0]);
        assert.match(await ask(container, 3306, ""), /MariaDB/);
      },
    ),
  "a health check of the creation is waited for": () =>
    using(
      redis()
        .withHealthCheck({
          test: ["CMD-SHELL", "redis-cli ping"],
          interval: 300,
          timeout: 5000,
          retries: 50,
          startPeriod: 100,
        })
        .withWaitStrategy(Wait.forHealthCheck())
        .start(),
      async (container) => assert.match(await ask(container, 6379, "PING\r\n"), /PONG/),
    ),
  "a command is waited for, and a page": () =>
    using(
      new GenericContainer("busybox:latest")
        .withCommand([
          "sh",
          "-c",
          "mkdir /w; echo here >/w/index.html; touch /ready; exec httpd -f -p 8080 -h /w",
        ])
        .withExposedPorts(8080)
        .withWaitStrategy(
          Wait.forAll([
            Wait.forSuccessfulCommand("test -e /ready"),
            Wait.forHttp("/", 8080).forStatusCode(200),
          ]),
        )
        .start(),
      async (container) => {
        const page = await fetch(`http://${container.getHost()}:${container.getMappedPort(8080)}/`);
        assert.equal((await page.text()).trim(), "here");
      },
    ),
  "a container that ends is waited for": () =>
    using(
      new GenericContainer("busybox:latest")
        .withCommand(["echo", "done"])
        .withWaitStrategy(Wait.forOneShotStartup())
        .start(),
      async (container) => assert.equal(await text(await container.logs()), "done\n"),
    ),
  "a wait that cannot come true fails and shows the log": async () => {
    const starting = new GenericContainer("busybox:latest")
      .withCommand(["sh", "-c", "echo only this; sleep 600"])
      .withWaitStrategy(Wait.forLogMessage("something else"))
      .withStartupTimeout(3000)
      .start();
    await assert.rejects(starting, /not received after 3000ms/);
  },
  "containers of a network find each other by alias": () =>
    using(new Network().start(), (network) =>
      using(redis().withNetwork(network).withNetworkAliases("cache").start(), () =>
        using(redis().withNetwork(network).start(), async (client) => {
          const { output } = await client.exec(["redis-cli", "-h", "cache", "ping"]);
          assert.equal(output.trim(), "PONG");
        }),
      ),
    ),
  "files, content and folders are copied in and out": () => {
    const tree = join(folder, "tree");
    mkdirSync(join(tree, "deep"), { recursive: true });
    writeFileSync(join(tree, "deep", "file"), "deep");
    const container = sleeper()
      .withCopyFilesToContainer([{ source: join(tree, "deep", "file"), target: "/one", mode: 0o640 }])
      .withCopyContentToContainer([{ content: "text", target: "/two" }])
      .withCopyDirectoriesToContainer([{ source: tree, target: "/three" }]);
    return using(container.start(), async (started) => {
      await started.copyDirectoriesToContainer([{ source: tree, target: "/four" }]);
      const { output } = await started.exec(["cat", "/one", "/two", "/three/deep/file", "/four/deep/file"]);
      assert.equal(output, "deeptextdeepdeep");
      assert.equal((await started.exec(["stat", "-c", "%a", "/one"])).output, "640\n");
      assert.match(await text(await started.copyArchiveFromContainer("/two")), /two.*text/s);
    });
  },
  "mounts: a bind, a tmpfs, and their sizes": () => {
    writeFileSync(join(folder, "bound"), "bound");
    const container = sleeper()
      .withBindMounts([{ source: join(folder, "bound"), target: "/bound", mode: "ro" }])
      .withTmpFs({ "/scratch": "rw,noexec,size=65536k" })
      .withSharedMemorySize(32 * 1024 * 1024);
    return using(container.start(), async (started) => {
      assert.equal((await started.exec(["cat", "/bound"])).output, "bound");
      assert.notEqual((await started.exec(["sh", "-c", "echo >/bound"])).exitCode, 0);
      assert.match((await started.exec(["df", "-k", "/scratch", "/dev/shm"])).output, /65536.*32768/s);
    });
  },
  "user, folder, environment, labels, capabilities, ulimits and limits": () =>
    using(
      sleeper()
        .withUser("1000:1000")
        .withWorkingDir("/tmp")
        .withEnvironment({ WORD: "a b" })
        .withLabels({ mine: "yes" })
        .withDroppedCapabilities("ALL")
        .withUlimits({ nofile: { hard: 512, soft: 256 } })
        .withResourcesQuota({ cpu: 0.5, memory: 0.0625 })
        .withHostname("named")
        .withExtraHosts([{ host: "elsewhere", ipAddress: "10.9.8.7" }])
        .start(),
      async (container) => {
        const { output } = await container.exec([
          "sh",
          "-c",
          "id -u; pwd; echo $WORD; hostname; grep elsewhere /etc/hosts; grep 'open files' /proc/1/limits",
        ]);
        assert.deepEqual(
          output.trim().split(/\s+/),
          "1000 /tmp a b named 10.9.8.7 elsewhere Max open files 256 512 files".split(" "),
        );
        assert.equal(container.getLabels()["mine"], "yes");
      },
    ),
  "an exec has its own folder, user, environment and exit code": () =>
    using(sleeper().start(), async (container) => {
      const options = { workingDir: "/etc", user: "nobody", env: { A: "b" } };
      const { stdout, stderr, exitCode } = await container.exec(
        ["sh", "-c", "pwd; id -un; echo $A; echo bad >&2; exit 3"],
        options,
      );
      assert.deepEqual([stdout, stderr, exitCode], ["/etc\nnobody\nb\n", "bad\n", 3]);
    }),
  "an image is built, with arguments, a target and what .dockerignore leaves out": async () => {
    const context = join(folder, "context");
    mkdirSync(context);
    writeFileSync(join(context, ".dockerignore"), "left-out\n");
    writeFileSync(join(context, "left-out"), "");
    writeFileSync(join(context, "kept"), "kept");
    writeFileSync(
      join(context, "Dockerfile"),
      "FROM busybox:latest AS first\nARG WORD=none\nCOPY . /c\nRUN echo $WORD >/word\nFROM first\nRUN exit 1\n",
    );
    for (const buildkit of [false, true]) {
      const builder = GenericContainer.fromDockerfile(context)
        .withBuildArgs({ WORD: "arg" })
        .withTarget("first");
      const image = await (buildkit ? builder.withBuildkit() : builder).build(`scenario-${buildkit}:1`);
      await using(image.withCommand(["sleep", "600"]).start(), async (container) => {
        assert.equal(
          (await container.exec(["sh", "-c", "cat /word; ls /c"])).output,
          "arg\nDockerfile\nkept\n",
        );
      });
    }
    await assert.rejects(GenericContainer.fromDockerfile(context).build());
  },
  "a container is committed and its image started": () =>
    using(sleeper().start(), async (container) => {
      await container.exec(["touch", "/mark"]);
      const image = await container.commit({ repo: "committed", tag: "1", deleteOnExit: false });
      const again = new GenericContainer("committed:1").withCommand(["sleep", "600"]).start();
      await using(again, async (copy) => assert.equal((await copy.exec(["ls", "/mark"])).exitCode, 0));
      assert.match(image, /^sha256:/);
    }),
  "stop, restart and reuse": async () => {
    const container = await redis().withReuse().start();
    const again = await redis().withReuse().start();
    assert.equal(again.getId(), container.getId());
    await container.restart();
    assert.match(await ask(container, 6379, "PING\r\n"), /PONG/);
    const stopped = await container.stop({ remove: false });
    assert.match(await text(await stopped.copyArchiveFromContainer("/etc/hostname")), /hostname/);
    await (await redis().withReuse().start()).stop();
  },
  "logs are followed while a container speaks": () =>
    using(
      new GenericContainer("busybox:latest")
        .withCommand(["sh", "-c", "for i in 1 2 3; do echo line $i; done; sleep 600"])
        .start(),
      async (container) => {
        const logs = await container.logs();
        let seen = "";
        for await (const chunk of logs) {
          seen += chunk;
          if (seen.includes("line 3")) break;
        }
        assert.match(seen, /line 1\s+line 2\s+line 3/);
      },
    ),
  "an image is pulled again, and one that does not exist is an error": async () => {
    const always = new GenericContainer("busybox:latest").withPullPolicy(PullPolicy.alwaysPull());
    await using(always.withCommand(["sleep", "600"]).start(), async () => {});
    await assert.rejects(new GenericContainer("127.0.0.1:15999/nowhere:1").start());
  },
  "a compose project is brought up, waited for and taken down": async () => {
    const file = [
      "services:",
      "  cache: {image: 'redis:7', ports: ['6379']}",
      "  web:",
      "    image: busybox:latest",
      "    command: sh -c 'echo $$GREETING; exec sleep 600'",
      `    environment: {GREETING: "\${GREETING}"}`,
      "    depends_on: [cache]",
    ];
    writeFileSync(join(folder, "compose.yaml"), `${file.join("\n")}\n`);
    const environment = await new DockerComposeEnvironment(folder, "compose.yaml")
      .withEnvironment({ GREETING: "good morning" })
      .withWaitStrategy("cache-1", Wait.forListeningPorts())
      .withWaitStrategy("web-1", Wait.forLogMessage("good morning"))
      .up();
    assert.match(await ask(environment.getContainer("cache-1"), 6379, "PING\r\n"), /PONG/);
    await environment.down();
  },
};

/** Does `work` with what starts, and stops it whatever happened. */
async function using(starting, work) {
  const started = await starting;
  try {
    return await work(started);
  } finally {
    await started.stop();
  }
}

/** Sends `request` to a mapped port and waits for the first bytes of the answer. */
function ask(container, port, request) {
  return new Promise((done, failed) => {
    const socket = connect(container.getMappedPort(port), container.getHost());
    socket.setTimeout(10_000, () => socket.destroy(new Error(`nothing came from port ${port}`)));
    socket.once("error", failed);
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      if (answer.split("\r\n").length > request.split("\r\n").length - 1 || request === "")
        socket.end(() => done(answer));
    });
    socket.write(request);
  });
}

async function text(stream) {
  let all = "";
  for await (const chunk of stream) all += chunk;
  return all;
}

// The library lets go of the sockets of logs, so that Node would end while they are waited for.
const awake = setInterval(() => {}, 60_000);
let failures = 0;
const chosen = Object.entries(scenarios).filter(([title]) => title.includes(process.argv[3] ?? ""));
for (const [title, scenario] of chosen) {
  const startedMs = performance.now();
  const problem = await Promise.resolve()
    .then(scenario)
    .then(
      () => undefined,
      (error) => error,
    );
  if (problem !== undefined) failures += 1;
  console.log(
    `${problem === undefined ? "ok  " : "FAIL"} ${title} (${Math.round(performance.now() - startedMs)} ms)`,
  );
  if (problem !== undefined)
    console.log(
      `     ${String(problem?.stack ?? problem)
        .split("\n")
        .slice(0, 24)
        .join("\n     ")}`,
    );
}
clearInterval(awake);
rmSync(folder, { recursive: true });
console.log(`${chosen.length - failures} of ${chosen.length} passed`);
process.exitCode = failures === 0 ? 0 : 1;
