import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { expect } from "vitest";
import { eventually } from "./checks.ts";
import { scenario } from "./scenario.ts";
import type { World } from "./world.ts";

const REGISTRY = "registry.stowage-test.invalid";

scenario("certificates of NODE_EXTRA_CA_CERTS must be trusted by all parts", {}, async (world, step) => {
  const { certificate, port, proxyPort } = await tlsServer(world);
  const env = { NODE_EXTRA_CA_CERTS: certificate, HTTPS_PROXY: `http://127.0.0.1:${proxyPort}` };
  await step("an engine behind TLS, which nobody else vouches for", async () => {
    const ask = `--host https://localhost:${port} image ls -q`;
    expect((await world.attempt(ask)).stderr).toContain("self-signed certificate");
    await world.stowage(ask, { env });
  });
  await step("a registry, for a daemon that a command starts", () => refusedByRegistry(world, env));
  await world.stowage("daemon stop");
  await step("a registry, for a daemon in the foreground", async () => {
    const daemon = world.start("daemon run", { env });
    await eventually("the daemon answers", async () => (await world.attempt("daemon status")).code === 0);
    await refusedByRegistry(world, {});
    daemon.kill("SIGTERM");
    expect((await daemon.ended).code).toBe(0);
  });
  await step("the variable is as it was for Compose files, and no other is there", async () => {
    const file = "services: { a: { image: x, environment: [NODE_EXTRA_CA_CERTS, STOWAGE_EXTRA_CA_CERTS] } }";
    const { stdout } = await world.stowage("-f - config --format json", { env, input: file });
    expect(JSON.parse(stdout).services.a.environment).toEqual({
      NODE_EXTRA_CA_CERTS: certificate,
      STOWAGE_EXTRA_CA_CERTS: null,
    });
  });
});

/** The registry has answered: its certificate was taken. */
async function refusedByRegistry(world: World, env: Record<string, string>): Promise<void> {
  const { stderr } = await world.attempt(`image pull ${REGISTRY}/app:1`, { env });
  expect(stderr).toContain("manifest unknown");
}

/** An engine and a registry in one, with a certificate of its own, and a proxy that knows where the registry is. */
async function tlsServer(world: World) {
  const [key, certificate] = ["key.pem", "cert.pem"].map((name) => join(world.dir, name)) as [string, string];
  const kind = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test";
  const names = ["-addext", `subjectAltName=DNS:localhost,DNS:${REGISTRY}`];
  execFileSync("openssl", [...kind.split(" "), ...names, "-keyout", key, "-out", certificate], {
    stdio: "ignore",
  });
  const server = createHttpsServer(
    { key: readFileSync(key), cert: readFileSync(certificate) },
    ({ url }, response) => {
      const isRegistry = url?.startsWith("/v2/") === true;
      response.writeHead(isRegistry ? 404 : 200, { "content-type": "application/json" });
      response.end(
        isRegistry ? '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}' : "[]",
      );
    },
  );
  const port = await listening(server);
  const proxy = createHttpServer().on("connect", (_request, socket) => {
    const inner = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      inner.pipe(socket).pipe(inner);
    });
    for (const end of [inner, socket]) end.on("error", () => {});
  });
  const proxyPort = await listening(proxy);
  world.onEnd(async () => {
    for (const each of [server, proxy]) each.close();
  });
  return { certificate, port, proxyPort };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
