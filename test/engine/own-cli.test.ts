import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiServer, createApiServer } from "../../src/server/index.ts";
import { runCli } from "../cli/support.ts";
import { TestEngine } from "../support/test-engine.ts";
import { until } from "../support/until.ts";
import { dockerEnv, findPeers, importBusybox } from "./support/dockerd.ts";

// `stowage container|image|network|volume` beside the docker client, on the same engine.

const engine = new TestEngine("own-cli");
const socket = join(engine.runDir, "docker.sock");
let server: ApiServer | undefined;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  const runtime = await engine.open();
  await importBusybox(runtime, "busybox:latest");
  server = createApiServer({ runtime });
  await server.listenOnSocket(socket);
  env = dockerEnv(findPeers(), socket, join(engine.runDir, "config"));
  await docker("volume", "create", "--label", "l=1", "ocv");
  await docker("network", "create", "--label", "l=1", "ocn");
  // No probe between the two looks at it.
  const health = ["--health-cmd", "true", "--health-interval", "1h"];
  const options = ["-v", "ocv:/data", "--label", "l=<1>", "-e", "A=b", ...health, "-p", "80"];
  await docker("run", "-d", "--name", "occ", "--network", "ocn", ...options, "busybox", "sleep", "1000");
}, 120_000);

afterAll(async () => {
  await server?.close();
  await engine.destroy();
}, 60_000);

async function docker(...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)("docker", args, { env })).stdout;
}

async function stowage(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(["--host", `unix://${socket}`, ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

describe("our own client says what docker's says", () => {
  it.each([
    ["container", "occ"],
    ["image", "busybox"],
    ["volume", "ocv"],
    ["network", "ocn"],
  ])("%s inspect %s", async (kind, name) => {
    expect(JSON.parse(await stowage(kind, "inspect", name))).toEqual(
      JSON.parse(await docker(kind, "inspect", name)),
    );
  });

  it.each([
    "{{.Name}} {{.State.Status}} {{.State.Running}} {{len .Mounts}}",
    "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
    "{{range $p, $c := .NetworkSettings.Ports}}{{$p}} {{(index $c 0).HostPort}} {{end}}",
    '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}',
    "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}}\\n{{end}}",
    '{{index .Config.Labels "nope"}}|{{index .Config.Labels "l"}}',
    "{{json .Config.Labels}} {{json .Mounts}}",
    "{{with .State.Health}}probed{{end}}{{if .State.Paused}}paused{{else}}not paused{{end}}",
    '{{join .Config.Env ","}} {{printf "%q" .Path}} {{.HostConfig.Binds}}',
    "json",
  ])("container inspect --format %s", async (format) => {
    const args = ["container", "inspect", "--format", format, "occ"];
    expect(await stowage(...args)).toBe(await docker(...args));
  });

  it.each(
    [
      "--memory 64m --memory-reservation 32m --memory-swap 128m --cpu-shares 512 --cpus 0.5 --pids-limit 50",
      "--cpu-period 50000 --cpu-quota 25000 --cpuset-cpus 0 --oom-score-adj 100 --restart on-failure:3",
      "--dns 10.0.0.1 --dns-search example.org --dns-option ndots:2 --add-host db:10.0.0.2",
      "--group-add 1001 --group-add video --user 1000:1000 --workdir /srv --hostname h --domainname d",
      "--no-healthcheck --stop-signal INT --stop-timeout 3 --init --read-only --tmpfs /run:size=1m --tmpfs /tmp",
      "--health-cmd true --health-interval 5s --health-start-period 1m --health-start-interval 1s",
      "--annotation a=b --label l=1 --cgroupns host --uts host --pid host --ipc host",
      "--cap-add NET_ADMIN --cap-drop ALL --security-opt no-new-privileges --device-cgroup-rule c,1:3,rwm",
      "--mac-address 02:42:ac:11:00:99 --expose 81 -p 127.0.0.1:8080:80/udp -v ocv:/data:ro",
      "--network ocn --network-alias other --link occ:web --ulimit nofile=10:20 --sysctl net.core.somaxconn=99",
    ].map((line) => line.replaceAll("c,1:3,rwm", "c\u00a01:3\u00a0rwm")),
  )("container create %s", async (line) => {
    const options = line.split(" ").map((word) => word.replaceAll("\u00a0", " "));
    const made = async (create: typeof docker) => {
      const id = (await create("container", "create", ...options, "busybox", "true")).trim();
      const [{ HostConfig, Config, NetworkSettings }] = JSON.parse(await docker("inspect", id));
      await docker("rm", "-v", id);
      const text = JSON.stringify({ HostConfig, Config, Networks: NetworkSettings.Networks });
      return JSON.parse(text.replaceAll(id.slice(0, 12), "ID"));
    };
    expect(await made(stowage)).toEqual(await made(docker));
  });

  it.each(["", "-t", "--details", "--details -t", "--details --tail 1"])(
    "container logs %s",
    async (flags) => {
      const options = ["--name", "ocl", "--label", "a=x&y", "--log-opt", "labels=a"];
      await docker("run", ...options, "busybox", "sh", "-c", "echo one; printf two");
      const args = ["container", "logs", ...flags.split(" ").filter(Boolean), "ocl"];
      expect(await stowage(...args)).toBe(await docker(...args));
      await docker("rm", "ocl");
    },
  );

  it.each(["", "-v", "--format json", "--format {{.Type}}:{{.Size}}"])("system df %s", async (flags) => {
    const args = ["system", "df", ...flags.split(" ").filter(Boolean)];
    // Its size is what shows that volumes are measured.
    await docker("exec", "occ", "sh", "-c", "echo 12345678 > /data/file");
    // Docker's columns are at least ten wide, and time goes on between the two.
    const same = (text: string) =>
      text.replaceAll(/ {2,}/g, "  ").replaceAll(/\d+ (?:second|minute)s?|About a minute/g, "now");
    expect(same(await stowage(...args))).toBe(same(await docker(...args)));
  });

  it("build forwards an SSH agent, and says what is none", async () => {
    const dir = mkdtempSync(join(tmpdir(), "stowage-agent-"));
    const socket = join(dir, "socket");
    const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    try {
      await until(() => existsSync(socket));
      const prepare = [
        'for f in /usr/bin/ssh-add $(ldd /usr/bin/ssh-add | grep -o "/[^ ]*"); do cp -L --parents $f .; done',
        "ssh-keygen -q -t ed25519 -N '' -C probe -f ../key; ssh-add -q ../key",
        "printf 'FROM busybox\\nCOPY . /\\nRUN --mount=type=ssh,required=true ssh-add -l > /keys\\n' > Dockerfile",
      ].join("; ");
      mkdirSync(join(dir, "context"));
      await promisify(execFile)("sh", ["-ec", prepare], {
        cwd: join(dir, "context"),
        env: { ...process.env, SSH_AUTH_SOCK: socket },
      });
      const build = (ssh: string, own: NodeJS.ProcessEnv) => {
        const words = ["build", "-q", "--no-cache", "--ssh", ssh, "-t", "agent:1", join(dir, "context")];
        return runCli(["--host", `unix://${engine.runDir}/docker.sock`, ...words], { env: own });
      };
      expect(await build("default", { SSH_AUTH_SOCK: socket })).toMatchObject({ code: 0, stderr: "" });
      expect(await docker("run", "--rm", "agent:1", "cat", "/keys")).toMatch(/ probe \(ED25519\)/);
      expect((await build("default", {})).stderr).toContain(
        'SSH agent "default": SSH_AUTH_SOCK does not name',
      );
      expect((await build(`default=${dir}/key`, {})).stderr).toContain("is not the socket of an agent");
      expect((await build("other", {})).stderr).toContain('it must be "default" or id=socket');
      await docker("rmi", "agent:1");
    } finally {
      agent.kill();
      rmSync(dir, { recursive: true });
    }
  });

  it("container exec takes variables from a file", async () => {
    const file = join(engine.runDir, "variables");
    writeFileSync(file, "# no variable\nFROM_FILE=1\nBOTH=file\n");
    const args = ["container", "exec", "--env-file", file, "-e", "BOTH=flag", "occ", "env"];
    const sorted = (text: string) => text.split("\n").sort();
    expect(sorted(await stowage(...args))).toEqual(sorted(await docker(...args)));
  });

  it("container update changes what docker's does", async () => {
    const options = ["--memory", "80m", "--memory-swap", "-1", "--cpus", "0.3", "--restart", "always"];
    const limits = async () => JSON.parse(await docker("inspect", "-f", "{{json .HostConfig}}", "occ"));
    expect(await stowage("container", "update", ...options, "occ")).toBe("occ\n");
    const ours = await limits();
    expect(ours).toMatchObject({ Memory: 80 << 20, NanoCpus: 3e8, RestartPolicy: { Name: "always" } });
    await docker("update", "--memory", "90m", "--restart", "no", "occ");
    await docker("update", ...options, "occ");
    expect(await limits()).toEqual(ours);
  });

  it.each(["container", "image", "volume", "network"])("%s prune", async (kind) => {
    const prepare = async () => {
      await docker("create", "--name", "gone", "busybox");
      await docker("network", "create", "gone");
      await docker("volume", "create", "gone");
    };
    const options = ["prune", "-f", ...(kind === "volume" ? ["-a"] : [])];
    const pruned = async (client: typeof docker) => {
      await prepare();
      const text = await client(kind, ...options);
      await docker("rm", "-f", "gone").catch(() => undefined);
      await docker("network", "rm", "-f", "gone");
      await docker("volume", "rm", "-f", "gone");
      return text
        .replaceAll(/[0-9a-f]{64}/g, "ID")
        .replaceAll("\n\n", "\n")
        .trim();
    };
    expect(await pruned(stowage)).toBe((await pruned(docker)).trim());
  });
});
