import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect } from "vitest";
import { dockerEnv, findPeers, type Peers } from "../engine/support/dockerd.ts";
import { openRegistry } from "../support/registry-bench.ts";
import { eventually, page } from "./checks.ts";
import { type Step, scenario } from "./scenario.ts";
import { imageArchive, type Outcome, World } from "./world.ts";

// What a book about Docker teaches from its first page to its last, by the stock client on our engine: each stage
// goes on with what the one before it made.

let peers: Peers;

beforeAll(() => {
  peers = findPeers();
});

scenario(
  "the docker client must walk from a base image to a pruned server on our engine",
  { files: "test/e2e/walk-through", images: ["tomcat", "mariadb", "redis"] },
  async (world, step) => {
    const docker = new Docker(world);
    await step("it is the stock client of docker 28, and our engine answers it", async () => {
      expect(await docker.run("version", "-f", "{{.Client.Version}}")).toMatch(/^28\./);
      expect(await docker.run("info", "-f", "{{.DockerRootDir}}")).toBe(world.rootDir);
    });
    await importBase(docker, step);
    await buildImages(docker, step);
    await replaceAndAppend(docker, step);
    await deleteDocs(docker, step);
    await shareVolumes(docker, step);
    await database(docker, step);
    await cache(docker, step);
    await pushAndPull(docker, step);
    await moveToOfflineServer(docker, step);
    await prune(docker, step);
    await step("everything is taken down", async () => {
      await docker.run("rm", "-fv", ...(await docker.lines("ps", "-aq")));
      await docker.run("volume", "prune", "-af");
      await docker.run("network", "prune", "-f");
    });
    // The default bridge is there for as long as the daemon is, as everywhere.
    await step("the daemon stops", () => world.stowage("daemon stop"));
  },
);

async function importBase(docker: Docker, step: Step): Promise<void> {
  await step("a root file system's tar is imported as a base image that runs", async () => {
    const tar = join(docker.world.dir, "base.tar");
    const target = openSync(tar, "w");
    execFileSync("tar", ["-xOf", imageArchive("busybox"), "--wildcards", "*/layer.tar"], {
      stdio: ["ignore", target, "inherit"],
    });
    closeSync(target);
    const id = await docker.run(
      "import",
      "-c",
      'CMD ["echo", "imported"]',
      "-m",
      "a base",
      tar,
      "walk/base:1",
    );
    expect(id).toBe(await docker.inspect("{{.Id}}", "walk/base:1"));
    expect(await docker.inspect("{{len .RootFS.Layers}} {{.Comment}}", "walk/base:1")).toBe("1 a base");
    expect(await docker.run("run", "--rm", "walk/base:1")).toBe("imported");
  });
}

async function buildImages(docker: Docker, step: Step): Promise<void> {
  const { stackDir } = docker.world;
  await step("a Dockerfile makes a custom Tomcat image: an archive unpacked, ENV, EXPOSE, CMD", async () => {
    const context = join(stackDir, "tomcat");
    execFileSync("tar", ["-C", join(context, "site"), "-czf", join(context, "site.tar.gz"), "ROOT", "docs"]);
    await docker.run("build", "-q", "-t", "walk/tomcat:1", context);
    const config = await docker.inspect(
      "{{json .Config.Env}} {{json .Config.ExposedPorts}} {{json .Config.Cmd}}",
      "walk/tomcat:1",
    );
    expect(config).toContain('"SHOP_NAME=Cake shop"');
    expect(config).toMatch(/\{"8080\/tcp":\{\}\} \["catalina.sh","run"\]$/);
    expect(await docker.run("run", "--rm", "walk/tomcat:1", "ls", "webapps")).toBe("ROOT\ndocs");
  });
  await step("a Dockerfile of two stages compiles Java and makes an image of the jar", async () => {
    await docker.run("build", "-q", "-t", "walk/jar:1", join(stackDir, "jar"));
    expect(await docker.run("run", "--rm", "walk/jar:1")).toBe("hello world");
    expect((await docker.attempt("run", "--rm", "--entrypoint", "ls", "walk/jar:1", "/src")).code).not.toBe(
      0,
    );
  });
  await step("a container packs a war into a bind mount, the classic builder makes its image", async () => {
    const context = join(stackDir, "war");
    const jar = ["java", "-m", "jdk.jartool/sun.tools.jar.Main", "-cf", "shop.war", "-C", "web", "."];
    await docker.run("run", "--rm", "-v", `${context}:/war`, "-w", "/war", "walk/tomcat:1", ...jar);
    await docker.classicBuild("-q", "-t", "walk/war:1", context);
  });
  await step("Tomcat unpacks the war and serves its page on a published port", async () => {
    const port = await docker.world.givePort("WAR_PORT");
    await docker.run("run", "-d", "--name", "war", "-p", `${port}:8080`, "walk/war:1");
    const served = await eventually("the war's page", () => page(docker.world, port, "/shop/"));
    expect(served.trim()).toBe("42 cakes of the bakery");
    await docker.run("rm", "-f", "war");
  });
}

async function replaceAndAppend(docker: Docker, step: Step): Promise<void> {
  await step("arguments of run replace CMD", async () => {
    expect(await docker.run("run", "--rm", "walk/base:1", "echo", "replaced")).toBe("replaced");
    expect(await docker.run("run", "--rm", "walk/tomcat:1", "printenv", "SHOP_NAME")).toBe("Cake shop");
  });
  await step("arguments of run are appended to ENTRYPOINT", async () => {
    expect(await docker.run("run", "--rm", "walk/jar:1", "cake", "tea")).toBe("hello cake and tea");
    const bare = ["run", "--rm", "--entrypoint", "echo", "walk/jar:1"];
    expect(await docker.run(...bare)).toBe("");
    expect(await docker.run(...bare, "instead")).toBe("instead");
  });
}

async function deleteDocs(docker: Docker, step: Step): Promise<void> {
  const { world } = docker;
  await step("the docs are deleted in a container, and diff says so", async () => {
    await docker.run("run", "-d", "--init", "--name", "trim", "walk/tomcat:1", "sleep", "3600");
    await docker.run("exec", "trim", "rm", "-r", "/usr/local/tomcat/webapps/docs");
    expect(await docker.lines("diff", "trim")).toContain("D /usr/local/tomcat/webapps/docs");
  });
  await step("commit makes an image of one layer more", async () => {
    const change = 'CMD ["catalina.sh", "run"]';
    await docker.run("commit", "-a", "keeper", "-m", "without docs", "-c", change, "trim", "walk/lean:1");
    await docker.run("rm", "-f", "trim");
    const layers = async (image: string) => Number(await docker.inspect("{{len .RootFS.Layers}}", image));
    expect(await layers("walk/lean:1")).toBe((await layers("walk/tomcat:1")) + 1);
    expect(await docker.inspect("{{.Author}}: {{.Comment}}", "walk/lean:1")).toBe("keeper: without docs");
    expect((await docker.lines("history", "--format", "{{.Comment}}", "walk/lean:1"))[0]).toBe(
      "without docs",
    );
  });
  await step("both images run side by side on two ports: one has the docs, one has not", async () => {
    const full = await world.givePort("FULL_PORT");
    const lean = await world.givePort("LEAN_PORT");
    await docker.run("run", "-d", "--name", "full", "-p", `${full}:8080`, "walk/tomcat:1");
    await docker.run("run", "-d", "--name", "lean", "-p", `${lean}:8080`, "walk/lean:1");
    for (const port of [full, lean]) {
      const served = await eventually(`the page on ${port}`, () => page(world, port));
      expect(served).toBe("<h1>Cakes</h1>\n");
    }
    expect(await page(world, full, "/docs/")).toBe("<h1>How to bake</h1>\n");
    await expect(page(world, lean, "/docs/")).rejects.toThrow(/404/);
    expect(await docker.run("port", "lean", "8080")).toContain(`0.0.0.0:${lean}`);
    await docker.run("stop", "-t", "20", "full", "lean");
    expect(await docker.lines("ps", "-a", "--filter", "status=exited", "--format", "{{.Names}}")).toEqual([
      "lean",
      "full",
    ]);
    await docker.run("rm", "full", "lean");
  });
}

async function shareVolumes(docker: Docker, step: Step): Promise<void> {
  const shell = (script: string) => ["walk/base:1", "sh", "-c", script];
  const idle = ["--init", ...shell("exec sleep 3600")];
  await step("a container has a named and an anonymous volume", async () => {
    await docker.run("run", "-d", "--name", "giver", "-v", "wares:/wares", "-v", "/scratch", ...idle);
    await docker.run("exec", "giver", "sh", "-c", "echo cake >/wares/list; echo note >/scratch/note");
    expect(await docker.lines("volume", "ls", "-q", "--filter", "name=wares")).toEqual(["wares"]);
    expect(await docker.mount("giver", "/wares")).toBe("wares");
    expect(await docker.mount("giver", "/scratch")).toMatch(/^[0-9a-f]{64}$/);
  });
  await step("--volumes-from gives both to another, and to a third through that one", async () => {
    await docker.run("run", "-d", "--name", "taker", "--volumes-from", "giver", ...idle);
    expect(await docker.mount("taker", "/scratch")).toBe(await docker.mount("giver", "/scratch"));
    await docker.run("run", "--rm", "--volumes-from", "taker", ...shell("echo tea >>/wares/list"));
    const readOnly = ["run", "--rm", "--volumes-from", "taker:ro"];
    expect((await docker.attempt(...readOnly, ...shell("echo no >/wares/list"))).stderr).toMatch(
      /read-only/i,
    );
  });
  await step("the volumes outlive the container that brought them", async () => {
    await docker.run("rm", "-f", "giver");
    expect(await docker.run("exec", "taker", "cat", "/wares/list", "/scratch/note")).toBe("cake\ntea\nnote");
    const { code, stderr } = await docker.attempt("volume", "rm", "wares");
    expect([code, stderr]).toEqual([1, expect.stringMatching(/in use/)]);
    const mounted = ["run", "--rm", "--mount", "type=volume,source=wares,target=/goods,readonly"];
    expect(await docker.run(...mounted, ...shell("cat /goods/list"))).toBe("cake\ntea");
  });
}

async function database(docker: Docker, step: Step): Promise<void> {
  const port = await docker.world.givePort("DB_PORT");
  const client = (password: string, sql: string) => [
    ...["-uroot", `-p${password}`, "--batch", "--skip-column-names", "-e", sql, "shop"],
  ];
  const remote = async (sql: string) => {
    const address = ["-h127.0.0.1", `-P${port}`, "--connect-timeout=60"];
    const { code, stdout } = await docker.world.command("mariadb", [
      ...address,
      ...client("cake-secret", sql),
    ]);
    return code === 0 && stdout;
  };
  await step("a database is made with the password and the name of the environment", async () => {
    const settings = ["-e", "MYSQL_ROOT_PASSWORD=cake-secret", "-e", "MYSQL_DATABASE=shop"];
    await docker.run(
      ...["run", "-d", "--name", "db", ...settings, "-v", "ledger:/var/lib/mysql"],
      ...["-p", `${port}:3306`, "stowage/mariadb:bookworm"],
    );
    // The server that makes the first settings has no network: who answers here is the one that stays.
    expect(await eventually("the database answers", () => remote("SELECT 1"))).toBe("1\n");
  });
  await step("a client in the container writes a table; a wrong password is refused", async () => {
    const inside = ["exec", "db", "mariadb"];
    const sql = "CREATE TABLE sale (what VARCHAR(9)); INSERT INTO sale VALUES ('cake'), ('tea')";
    await docker.run(...inside, ...client("cake-secret", sql));
    const guess = await docker.attempt(...inside, ...client("guess", "SELECT 1"));
    expect([guess.code, guess.stderr]).toEqual([1, expect.stringContaining("Access denied")]);
  });
  await step("after a restart a remote client finds the rows at the published port", async () => {
    const before = await docker.inspect("{{.State.StartedAt}}", "db");
    await docker.run("restart", "db");
    expect(await docker.inspect("{{.State.StartedAt}}", "db")).not.toBe(before);
    const rows = await eventually("the rows", () => remote("SELECT what FROM sale"));
    expect(rows).toBe("cake\ntea\n");
  });
}

async function cache(docker: Docker, step: Step): Promise<void> {
  const { world } = docker;
  const port = await world.givePort("CACHE_PORT");
  const inside = (...words: readonly string[]) =>
    docker.run("exec", "-e", "REDISCLI_AUTH=pepper", "cache", "redis-cli", ...words);
  await step("Redis takes its password from a bind-mounted file", async () => {
    const file = join(world.stackDir, "redis.conf");
    await docker.run(
      ...["run", "-d", "--name", "cache", "--restart=always", "-p", `${port}:6379`],
      ...["-v", `${file}:/etc/redis/shop.conf:ro`, "stowage/redis:bookworm", "/etc/redis/shop.conf"],
    );
    await eventually("Redis answers", async () => (await inside("ping")) === "PONG");
    expect(await docker.run("exec", "cache", "redis-cli", "ping")).toMatch(/^NOAUTH/);
    expect(await inside("set", "cake", "5.10")).toBe("OK");
    expect(await inside("save")).toBe("OK");
  });
  await step("killed, it comes back by itself, with its data, at the same port", async () => {
    process.kill(Number(await docker.inspect("{{.State.Pid}}", "cache")), "SIGKILL");
    await eventually(
      "it was started again",
      async () => (await docker.inspect("{{.RestartCount}} {{.State.Running}}", "cache")) === "1 true",
    );
    const value = await eventually("the value at the port", async () => {
      const env = { REDISCLI_AUTH: "pepper" };
      const { stdout } = await world.command("redis-cli", ["-p", String(port), "get", "cake"], { env });
      return stdout.trim() !== "" && stdout.trim();
    });
    expect(value).toBe("5.10");
  });
}

/** `keeper` with the password `cellar`. */
const HTPASSWD = "keeper:$2b$05$1x9xO09mFtOLOvx5LelF9.6gOVFm8lgE41gPSkgIdJLYua/YS91Bq\n";

async function pushAndPull(docker: Docker, step: Step): Promise<void> {
  const registry = await openRegistry(docker.world.dir, { htpasswd: HTPASSWD });
  docker.world.onEnd(() => registry.close());
  const remote = `${registry.host}/walk/lean:1`;
  const id = await docker.inspect("{{.Id}}", "walk/lean:1");
  const login = (password: string) =>
    docker.attemptWith(password, "login", "-u", "keeper", "--password-stdin", registry.host);
  await step("a private registry refuses who is not logged in, and a wrong password", async () => {
    await docker.run("tag", "walk/lean:1", remote);
    const { code, stderr } = await docker.attempt("push", remote);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/no basic auth credentials|unauthorized/)]);
    expect((await login("guess")).code).toBe(1);
  });
  await step("after login the image is pushed, and its digest is known", async () => {
    const { code, stdout } = await login("cellar");
    expect([code, stdout]).toEqual([0, expect.stringContaining("Login Succeeded")]);
    expect(await docker.run("push", remote)).toMatch(/1: digest: sha256:[0-9a-f]{64} size: \d+$/m);
    expect(await docker.inspect("{{json .RepoDigests}}", remote)).toContain(
      `${registry.host}/walk/lean@sha256:`,
    );
  });
  await step("removed here, it is pulled back as the same image, and runs", async () => {
    await docker.run("rmi", remote, "walk/lean:1");
    expect((await docker.attempt("image", "inspect", id)).code).toBe(1);
    await docker.run("pull", "-q", remote);
    expect(await docker.inspect("{{.Id}}", remote)).toBe(id);
    expect(await docker.run("run", "--rm", remote, "ls", "webapps")).toBe("ROOT");
    await docker.run("tag", remote, "walk/lean:1");
    await docker.run("logout", registry.host);
    expect((await docker.attempt("pull", remote)).code).toBe(1);
  });
}

async function moveToOfflineServer(docker: Docker, step: Step): Promise<void> {
  const archive = join(docker.world.dir, "lean.tar");
  await step("the image is saved to a file", () => docker.run("save", "-o", archive, "walk/lean:1"));
  const server = await World.create(undefined);
  docker.world.onEnd(async () => {
    await server.destroy();
    server.remove();
  });
  const offline = new Docker(server);
  await step("another engine that never saw a registry loads it, tags it, and runs it", async () => {
    await server.stowage("image ls");
    expect(await offline.lines("images", "-q")).toEqual([]);
    expect(await offline.run("load", "-i", archive)).toBe("Loaded image: walk/lean:1");
    await offline.run("tag", "walk/lean:1", "shop:live");
    const ids = await offline.lines("images", "-q", "--no-trunc");
    expect(new Set(ids)).toEqual(new Set([await docker.inspect("{{.Id}}", "walk/lean:1")]));
    expect(ids).toHaveLength(2);
    expect(await offline.run("run", "--rm", "shop:live", "ls", "webapps")).toBe("ROOT");
  });
  await step("the other engine ends and leaves nothing", async () => {
    await server.destroy();
    expect(server.leftovers()).toEqual([]);
  });
}

async function prune(docker: Docker, step: Step): Promise<void> {
  await step("there is something of each kind in use, and something that is not", async () => {
    await docker.run("network", "create", "busy");
    await docker.run("network", "create", "idle");
    await docker.run("network", "connect", "busy", "taker");
    await docker.run("volume", "create", "idle");
    await docker.run("run", "--name", "ended", "-v", "/left", "walk/jar:1");
  });
  await step("prune takes exactly what nothing uses", async () => {
    const scratch = await docker.mount("taker", "/scratch");
    const redisData = await docker.mount("cache", "/data");
    expect(await docker.run("system", "prune", "-af", "--volumes")).toMatch(/Total reclaimed space: [1-9]/);
    await docker.run("volume", "prune", "-af");
    expect(await docker.names("ps", "-a", "--format", "{{.Names}}")).toEqual(["cache", "db", "taker"]);
    expect(await docker.names("volume", "ls", "-q")).toEqual(["ledger", "wares", scratch, redisData].sort());
    expect(await docker.names("network", "ls", "--format", "{{.Name}}")).toEqual([
      ...["bridge", "busy", "host", "none"],
    ]);
    expect(await docker.names("images", "-a", "--format", "{{.Repository}}")).toEqual([
      ...["stowage/mariadb", "stowage/redis", "walk/base"],
    ]);
  });
  await step("what is in use goes on, and a second prune finds nothing", async () => {
    expect(await docker.run("exec", "taker", "cat", "/wares/list")).toBe("cake\ntea");
    expect(await docker.run("system", "prune", "-af", "--volumes")).toBe("Total reclaimed space: 0B");
  });
}

/** The stock docker client, talking to one world's engine; what it prints is given without the last line's end. */
class Docker {
  readonly world: World;
  readonly #env: Record<string, string>;

  constructor(world: World) {
    this.world = world;
    const socket = `${world.runDir}/stowage.sock`;
    const environment = dockerEnv(peers, socket, `${world.dir}/docker-config`);
    this.#env = {
      PATH: environment["PATH"] ?? "",
      DOCKER_HOST: `unix://${socket}`,
      DOCKER_CONFIG: `${world.dir}/docker-config`,
      DOCKER_CLI_HINTS: "false",
    };
  }

  /** Must succeed. */
  async run(...args: readonly string[]): Promise<string> {
    return succeeded(args, await this.attempt(...args));
  }

  /** By the builder that is no client plug-in: `POST /build`. */
  async classicBuild(...args: readonly string[]): Promise<string> {
    const env = { ...this.#env, DOCKER_BUILDKIT: "0" };
    const words = ["build", ...args];
    return succeeded(words, await this.world.command("docker", words, { env }));
  }

  attempt(...args: readonly string[]): Promise<Outcome> {
    return this.world.command("docker", args, { env: this.#env });
  }

  attemptWith(input: string, ...args: readonly string[]): Promise<Outcome> {
    return this.world.command("docker", args, { env: this.#env, input });
  }

  async lines(...args: readonly string[]): Promise<string[]> {
    return (await this.run(...args)).split("\n").filter(Boolean);
  }

  /** Lines in their order, each once. */
  async names(...args: readonly string[]): Promise<string[]> {
    return [...new Set(await this.lines(...args))].sort();
  }

  inspect(format: string, name: string): Promise<string> {
    return this.run("inspect", "-f", format, name);
  }

  /** Name of the volume that a container has at `target`. */
  mount(container: string, target: string): Promise<string> {
    return this.inspect(
      `{{range .Mounts}}{{if eq .Destination "${target}"}}{{.Name}}{{end}}{{end}}`,
      container,
    );
  }
}

function succeeded(args: readonly string[], { code, stdout, stderr }: Outcome): string {
  if (code !== 0) throw new Error(`docker ${args.join(" ")}: exit ${code}\n${stdout}${stderr}`);
  return stdout.replace(/\n$/, "");
}
