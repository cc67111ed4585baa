import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  let certificate: string;
  let proxy: ReturnType<typeof createHttpServer>;
  /** Where each name leads to. */
  const ports = new Map<string, number>();
  const tunnels: string[] = [];

  beforeEach(async () => {
    bench = await openImageBench("tls");
    tunnels.length = 0;
    const [key, cert] = makePair("registry", NAME);
    certificate = cert;
    server = createServer({ key, cert }, (_request, response) =>
      response
        .writeHead(404, { "content-type": "application/json" })
        .end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ports.set(NAME, (server.address() as AddressInfo).port);
    proxy = createHttpServer((request, response) => {
      tunnels.push(`plain ${request.url}`);
      response.writeHead(502).end();
    });
    proxy.on("connect", (request, socket) => {
      tunnels.push(request.url ?? "");
      const [host = ""] = request.url?.split(":") ?? [];
      const inner = connect(ports.get(host) ?? 1, "127.0.0.1", () => {
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

  /** A key and a certificate for a name, as `<file>.key` and `<file>.pem` of the bench's folder; their texts. */
  function makePair(file: string, name: string): [string, string] {
    const [key, certificate] = [".key", ".pem"].map((end) => join(bench.folder, `${file}${end}`)) as [
      string,
      string,
    ];
    const kind = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj";
    const names = [`/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
    execFileSync("openssl", [...kind.split(" "), ...names, "-keyout", key, "-out", certificate], {
      stdio: "ignore",
    });
    return [readFileSync(key, "utf8"), readFileSync(certificate, "utf8")];
  }

  /** A folder of certificates for the registry. */
  function certificateDir(files: Readonly<Record<string, string>>): string {
    const dir = join(bench.folder, "certs.d");
    mkdirSync(join(dir, NAME), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, NAME, name), text);
    return dir;
  }

  const pull = async (registries: RegistrySettings) => {
    const images = await openImages({
      ...bench,
      users: { images: () => [], ofImage: () => [], ofVolume: () => [] },
      registries,
    });
    return images.port.pull(`${NAME}/app:1`);
  };

  it("is trusted by a certificate of its folder, also through a proxy's tunnel", async () => {
    const dir = certificateDir({ "ca.crt": certificate });
    await expect(pull({ certificateDirs: [dir] })).rejects.toMatchObject({
      kind: "not-found",
      message: `manifest for ${NAME}/app:1 not found: manifest unknown: manifest unknown`,
    });
    expect(tunnels).toEqual([`${NAME}:443`]);
  });

  it("may redirect to a place that others vouch for", async () => {
    const elsewhere = "storage.stowage-test.invalid";
    const [key, cert] = makePair("storage", elsewhere);
    const storage = createServer({ key, cert }, (_request, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => storage.listen(0, "127.0.0.1", resolve));
    ports.set(elsewhere, (storage.address() as AddressInfo).port);
    server.removeAllListeners("request").on("request", (_request, response) => {
      response.writeHead(307, { location: `https://${elsewhere}/manifest` }).end();
    });
    process.env["NODE_EXTRA_CA_CERTS"] = join(bench.folder, "storage.pem");
    try {
      const dir = certificateDir({ "any-name.crt": certificate });
      await expect(pull({ certificateDirs: [dir] })).rejects.toMatchObject({ kind: "not-found" });
    } finally {
      delete process.env["NODE_EXTRA_CA_CERTS"];
      storage.close();
    }
  });

  it("is shown our own certificate, whatever its file is called; half of a pair is refused", async () => {
    const [key, cert] = makePair("ours", "stowage");
    const [serverKey, serverCert] = ["registry.key", "registry.pem"].map((name) =>
      readFileSync(join(bench.folder, name)),
    );
    server.setSecureContext({ key: serverKey, cert: serverCert, ca: cert });
    Object.assign(server, { requestCert: true });
    const names: unknown[] = [];
    server.on("secureConnection", (socket) => names.push(socket.getPeerCertificate().subject?.CN));
    const dir = certificateDir({ "ca.crt": certificate, "ours.cert": cert, "ours.key": key });
    await expect(pull({ certificateDirs: [dir] })).rejects.toMatchObject({ kind: "not-found" });
    expect(names).toEqual(["stowage"]);
    rmSync(join(dir, NAME, "ours.key"));
    await expect(pull({ certificateDirs: [dir] })).rejects.toThrow(
      "missing key ours.key for client certificate ours.cert. CA certificates must use the extension .crt",
    );
    certificateDir({ "other.key": key });
    rmSync(join(dir, NAME, "ours.cert"));
    await expect(pull({ certificateDirs: [dir] })).rejects.toThrow(
      "missing client certificate other.cert for key other.key",
    );
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
