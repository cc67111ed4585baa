import { afterAll, beforeAll, expect } from "vitest";
import { type Dockerd, dockerEnv, findPeers, type Peers, startDockerd } from "../engine/support/dockerd.ts";
import { containerOf, eventually, page, statesOf } from "./checks.ts";
import { scenario } from "./scenario.ts";
import { prepareShop, SHOP_FLAGS, sql } from "./shop.ts";
import { imageArchive, type World } from "./world.ts";

// The other two corners of {stowage, docker compose} x {our engine, dockerd}; all other scenarios are the first, and
// docker compose on dockerd is the yardstick of the benchmark.
let peers: Peers;
let dockerd: Dockerd;

beforeAll(async () => {
  peers = findPeers();
  dockerd = await startDockerd(peers, "stwe2e0", "10.218");
});

afterAll(() => dockerd?.stop());

scenario(
  "stowage must bring a stack up on dockerd, see what differs there, and take it down",
  { files: "test/e2e/change" },
  async (world, step) => {
    const docker = dockerOn(world, dockerd.socket);
    const on = `--runtime docker --host unix://${dockerd.socket}`;
    await step("the image is there", () => docker("load", "-q", "-i", imageArchive("busybox")));
    await step("up", () => world.stowage(`${on} up -d`));
    await step("dockerd runs it under Compose's names and labels", async () => {
      expect(await docker("compose", "ps", "--format", "{{.Name}}")).toBe("change-sleeper-1\nchange-web-1\n");
      expect(await statesOf(world, on)).toEqual(["change-sleeper-1 running", "change-web-1 running"]);
    });
    await step("a second up says there is nothing to do", async () =>
      expect((await world.stowage(`${on} up -d`)).stderr).toMatch(/nothing to do/i),
    );
    const sleeper = await containerOf(world, "sleeper", on);
    await step("a removed container and a changed one are the plan, and nothing else", async () => {
      await docker("rm", "-f", "change-web-1");
      world.edit("compose.yaml", "COLOUR: blue", "COLOUR: green");
      const plan = await world.attempt(`${on} plan --detailed-exitcode`);
      expect(plan.code).toBe(2);
      expect(plan.stdout).toContain("change-web-1");
      expect(plan.stdout).not.toContain("sleeper");
    });
    await step("up puts both right", async () => {
      await world.stowage(`${on} up -d`);
      expect((await world.stowage(`${on} exec -T web sh -c 'echo $COLOUR'`)).stdout).toBe("green\n");
      expect((await containerOf(world, "sleeper", on)).ID).toBe(sleeper.ID);
    });
    await step("down", () => world.stowage(`${on} down -v -t 1`));
    await step("dockerd has nothing of it any more", async () => {
      expect(await docker("ps", "-aq")).toBe("");
      expect(await docker("network", "ls", "-q", "--filter", "label=com.docker.compose.project=change")).toBe(
        "",
      );
    });
  },
);

scenario(
  "docker compose must bring examples/shop up on our engine, look into it, and take it down",
  { files: "examples/shop", images: ["mariadb", "redis", "tomcat"] },
  async (world, step) => {
    const ports = await prepareShop(world);
    const docker = dockerOn(world, `${world.runDir}/stowage.sock`);
    const compose = (...args: readonly string[]) => docker("compose", ...SHOP_FLAGS.split(" "), ...args);
    await step("up", () => compose("up", "-d", "--wait"));
    await step("the page answers", async () => expect(await page(world, ports.web)).toMatch(/cake.*5\.10/));
    await step("the database answers", async () =>
      expect(await sql(world, ports.db, "SELECT COUNT(*) FROM product")).toEqual(["3"]),
    );
    await step("ps and logs", async () => {
      expect(await compose("ps", "--services")).toBe("cache\ndb\nweb\n");
      expect(await compose("logs", "--no-log-prefix", "migrate")).toContain("applied 002-stock.sql");
    });
    await step("exec and run", async () => {
      expect(await compose("exec", "-T", "cache", "redis-cli", "ping")).toBe("PONG\n");
      expect(
        await compose("run", "--rm", "-T", "--no-deps", "--entrypoint", "sh", "migrate", "-c", "echo ran"),
      ).toBe("ran\n");
    });
    await step("restart", async () => {
      await compose("restart", "web");
      await eventually("the page is back", () => page(world, ports.web));
    });
    await step("down -v", () => compose("down", "-v"));
  },
);

type Docker = (...args: readonly string[]) => Promise<string>;

/** The docker client and compose, talking to a socket; must succeed, resolves to what they print. */
function dockerOn(world: World, socket: string): Docker {
  const environment = dockerEnv(peers, socket, `${world.dir}/docker-config`);
  const env = {
    PATH: environment["PATH"] ?? "",
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: `${world.dir}/docker-config`,
  };
  return async (...args) => {
    const { code, stdout, stderr } = await world.command("docker", args, { env });
    if (code !== 0) throw new Error(`docker ${args.join(" ")}: exit ${code}\n${stdout}${stderr}`);
    return stdout;
  };
}
