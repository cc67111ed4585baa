import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { freePort } from "../support/free-port.ts";
import { eventually, expectRefusal } from "./checks.ts";
import { scenario } from "./scenario.ts";
import { CHECKOUT, type World } from "./world.ts";

scenario(
  "the API must be served on TCP to those with a certificate, and to nobody else",
  { files: "test/e2e/faults/simple" },
  async (world, step) => {
    const dir = join(world.dir, "certificates");
    const port = await freePort();
    const address = machineAddress();
    makeCertificates(dir, address);
    const tls = `--tlscacert ${dir}/ca.pem --tlscert ${dir}/server.pem --tlskey ${dir}/server-key.pem`;

    await step("off the loopback without certificates it is refused, and the reason said", async () =>
      expectRefusal(
        await world.attempt(`daemon run --tcp 0.0.0.0:${port}`),
        1,
        /without client certificates/,
      ),
    );
    const daemon = await step("with certificates the daemon starts", async () => {
      const running = world.start(`daemon run --tcp 0.0.0.0:${port} ${tls}`);
      await eventually("it serves", () => running.output().includes("Serving"));
      return running;
    });
    await step("an image is loaded, by the local socket", () => world.loadImages(["busybox"]));
    for (const host of ["127.0.0.1", address]) {
      await step(`docker --tlsverify runs a container, by ${host}`, async () => {
        const ran = await docker(
          world,
          ["run", "--rm", "-i", "--network", "none", "stowage/busybox:bookworm", "cat"],
          {
            host: `tcp://${host}:${port}`,
            certificates: join(dir, "client"),
            input: "over the wire\n",
          },
        );
        expect(ran).toMatchObject({ code: 0, stdout: "over the wire\n" });
      });
    }
    await step("who has no certificate, or another authority's, gets nothing", async () => {
      const url = `https://127.0.0.1:${port}/_ping`;
      for (const options of [
        [],
        ["--cert", `${dir}/stranger/cert.pem`, "--key", `${dir}/stranger/key.pem`],
      ]) {
        const answer = await world.command("curl", ["-sS", "--max-time", "60", "-k", ...options, url]);
        expect(answer.code, answer.stdout).not.toBe(0);
        expect(answer.stdout).toBe("");
      }
      const plain = await world.command("curl", [
        "-sS",
        "--max-time",
        "60",
        `http://127.0.0.1:${port}/_ping`,
      ]);
      expect(plain.stdout).not.toContain("OK");
    });
    await step("a client that checks finds that we are who we say", async () => {
      const ran = await docker(world, ["version"], {
        host: `tcp://localhost:${port}`,
        certificates: join(dir, "stranger"),
      });
      expect(ran.code).not.toBe(0);
      expect(ran.stderr).toMatch(/certificate/);
    });
    await step("it ends in order", async () => {
      daemon.kill("SIGTERM");
      expect((await daemon.ended).code).toBe(0);
    });
  },
);

async function docker(
  world: World,
  args: readonly string[],
  {
    host,
    certificates,
    input,
  }: { readonly host: string; readonly certificates: string; readonly input?: string },
) {
  const [path = ""] = execFileSync("bash", [join(CHECKOUT, "scripts/peers.sh")], { encoding: "utf8" }).split(
    "\n",
  );
  return world.command("docker", ["--tlsverify", ...args], {
    env: { PATH: `${path}:${world.env["PATH"]}`, DOCKER_HOST: host, DOCKER_CERT_PATH: certificates },
    ...(input === undefined ? {} : { input }),
  });
}

/** Our own authority with a server's and a client's certificate, and those of an authority that nobody here trusts. */
function makeCertificates(dir: string, address: string): void {
  for (const name of ["client", "stranger"]) mkdirSync(join(dir, name), { recursive: true });
  writeFileSync(join(dir, "san"), `subjectAltName=DNS:localhost,IP:127.0.0.1,IP:${address}`);
  const script = `
    authority() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" -keyout $2-key.pem -out $2.pem; }
    signed() { openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout $3 -out request.pem
      openssl x509 -req -in request.pem -CA $4.pem -CAkey $4-key.pem -CAcreateserial -days 2 -extfile $5 -out $2; }
    echo extendedKeyUsage=clientAuth > use
    authority "test authority" ca; authority "foreign authority" stranger/ca
    signed server server.pem server-key.pem ca san
    signed client client/cert.pem client/key.pem ca use; cp ca.pem client/ca.pem
    signed client stranger/cert.pem stranger/key.pem stranger/ca use`;
  execFileSync("bash", ["-ec", script], { cwd: dir, stdio: "ignore" });
}

/** An address of the machine that is not its loopback's. */
function machineAddress(): string {
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal);
  if (found === undefined) throw new Error("this machine has no address besides loopback");
  return found.address;
}
