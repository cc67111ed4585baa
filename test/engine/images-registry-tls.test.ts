import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openImages, type RegistrySettings } from "../../src/runtime/engine/images/index.ts";
import { RegistrySession, Repository } from "../../src/runtime/engine/images/registry/index.ts";
import { type ImageBench, openImageBench } from "../support/image-bench.ts";

/** Only what a name resolved elsewhere can show: this machine's own address is never spoken to in the clear by rule. */
const NAME = "registry.stowage-test.invalid";

describe("a registry behind TLS", () => {
  let bench: ImageBench;
  let server: Server;
  let proxy: ReturnType<typeof createHttpServer>;
  const tunnels: string[] = [];

  beforeEach(async () => {
    bench = await openImageBench("tls");
    tunnels.length = 0;
    execFileSync(
      "openssl",
      [
        ...[
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:prime256v1",
          "-nodes",
          "-days",
          "2",
        ],
        ...["-subj", `/CN=${NAME}`, "-addext", `subjectAltName=DNS:${NAME}`],
        ...["-keyout", join(bench.folder, "key.pem"), "-out", join(bench.folder, "cert.pem")],
      ],
      { stdio: "ignore" },
    );
    const [key, cert] = ["key.pem", "cert.pem"].map((name) => readFileSync(join(bench.folder, name)));
    server = createServer({ key, cert }, (_request, response) =>
      response
        .writeHead(404, { "content-type": "application/json" })
        .end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    proxy = createHttpServer((request, response) => {
      tunnels.push(`plain ${request.url}`);
      response.writeHead(502).end();
    });
    proxy.on("connect", (request, socket) => {
      tunnels.push(request.url ?? "");
      const inner = connect((server.address() as AddressInfo).port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        inner.pipe(socket).pipe(inner);
      });
      for (const end of [inner, socket]) end.on("error", () => {});
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    process.env["HTTPS_PROXY"] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    process.env["HTTP_PROXY"] = process.env["HTTPS_PROXY"];
  });
  afterEach(async () => {
    delete process.env["HTTPS_PROXY"];
    delete process.env["HTTP_PROXY"];
    server.close();
    proxy.close();
    await bench.close();
  });

  const pull = async (registries: RegistrySettings) => {
    const images = await openImages({
      ...bench,
      users: { images: () => [], ofImage: () => [], ofVolume: () => [] },
      registries,
    });
    return images.port.pull(`${NAME}/app:1`);
  };

  it("is trusted by a certificate of its folder, also through a proxy's tunnel", async () => {
    const dir = join(bench.folder, "certs.d", NAME);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "ca.crt"), readFileSync(join(bench.folder, "cert.pem")));
    await expect(pull({ certificateDirs: [join(bench.folder, "certs.d")] })).rejects.toMatchObject({
      kind: "not-found",
      message: `manifest for ${NAME}/app:1 not found: manifest unknown: manifest unknown`,
    });
    expect(tunnels).toEqual([`${NAME}:443`]);
  });

  it("that nobody vouches for is refused, and never asked in the clear instead", async () => {
    await expect(pull({ certificateDirs: [] })).rejects.toMatchObject({ kind: "unavailable" });
    expect(tunnels.length).toBeGreaterThan(0);
    expect(tunnels.every((tunnel) => tunnel === `${NAME}:443`)).toBe(true);
  });

  it("that is named insecure is not verified", async () => {
    await expect(pull({ certificateDirs: [], insecure: [NAME] })).rejects.toMatchObject({
      kind: "not-found",
    });
  });

  describe("and a proxy that", () => {
    const answers: Record<string, (socket: Socket) => void> = {
      "never opens a tunnel": () => {},
      "opens a tunnel to nowhere": (socket) => socket.write("HTTP/1.1 200 Connection established\r\n\r\n"),
    };

    /** The proxy's end of each tunnel. */
    function behave(name: string): Socket[] {
      const sockets: Socket[] = [];
      proxy.removeAllListeners("connect").on("connect", (_request, socket: Socket) => {
        socket.on("end", () => socket.destroy()).on("error", () => {});
        sockets.push(socket.resume());
        answers[name]?.(socket);
      });
      return sockets;
    }
    const ask = (options: { readonly stallMs?: number; readonly signal?: AbortSignal }) =>
      RegistrySession.run({ domain: NAME, settings: { certificateDirs: [] }, ...options }, (session) =>
        new Repository(session, "app").manifest("1"),
      );
    const closed = (socket: Socket | undefined) =>
      new Promise((resolve) => (socket?.destroyed === false ? socket.once("close", resolve) : resolve(null)));

    it.each(Object.keys(answers))("%s is given up, once", async (name) => {
      const sockets = behave(name);
      await expect(ask({ stallMs: 100 })).rejects.toMatchObject({
        kind: "unavailable",
        cause: { message: "no connection within 0.1 s" },
      });
      expect(sockets).toHaveLength(1);
      await closed(sockets[0]);
    });

    it.each(Object.keys(answers))("%s does not hold up who cancels", async (name) => {
      const sockets = behave(name);
      const abort = new AbortController();
      proxy.once("connect", () => abort.abort());
      await expect(ask({ signal: abort.signal })).rejects.toMatchObject({ kind: "cancelled" });
      await closed(sockets[0]);
    });
  });
});
