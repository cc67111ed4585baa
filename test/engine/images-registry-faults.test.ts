import { execFileSync, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { inspect } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkStore, openImages } from "../../src/runtime/engine/images/index.ts";
import { DOCKER, OCI } from "../../src/runtime/engine/images/media-types.ts";
import { RegistrySession, Repository } from "../../src/runtime/engine/images/registry/index.ts";
import { folder, type ImageBench, openImageBench, stream, tarOf } from "../support/image-bench.ts";
import { type FakeServer, openFakeServer } from "../support/registry-bench.ts";

const digestOf = (data: Buffer | string) => `sha256:${createHash("sha256").update(data).digest("hex")}`;

/** An image of one layer, as its documents. */
function anImage() {
  const tar = tarOf([folder("a"), { name: "a/f", data: Buffer.alloc(300_000, "data ") }]);
  const layer = gzipSync(tar, { level: 0 });
  const config = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: {},
      rootfs: { type: "layers", diff_ids: [digestOf(tar)] },
      history: [{ created_by: "test" }],
    }),
  );
  const document = {
    schemaVersion: 2,
    mediaType: DOCKER.manifest as string,
    config: { mediaType: DOCKER.config, digest: digestOf(config), size: config.length },
    layers: [{ mediaType: DOCKER.layer as string, digest: digestOf(layer), size: layer.length }],
  };
  return { layer, config, document };
}

function padded(document: object, mebibytes: number): string {
  return JSON.stringify({ ...document, padding: "x".repeat(mebibytes << 20) });
}

type Handler = (request: IncomingMessage, response: ServerResponse) => boolean;

describe("a registry that", () => {
  let bench: ImageBench;
  const servers: FakeServer[] = [];

  beforeEach(async () => {
    bench = await openImageBench("faults");
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
    await bench.close();
  });

  /** Serves the image; `handle` may answer first (true). */
  async function serve(
    image: ReturnType<typeof anImage>,
    handle: Handler = () => false,
    manifestType: string = DOCKER.manifest,
  ) {
    const manifest = Buffer.from(JSON.stringify(image.document));
    const server = await openFakeServer((request, response) => {
      if (handle(request, response)) return;
      const path = request.url ?? "";
      if (path === "/v2/") response.end("{}");
      else if (path.includes("/manifests/"))
        response.writeHead(200, { "content-type": manifestType }).end(manifest);
      else if (path.endsWith(digestOf(image.config))) response.end(image.config);
      else if (path.endsWith(image.document.layers[0]?.digest ?? ""))
        sendRange(request, response, image.layer);
      else response.writeHead(404).end();
    });
    servers.push(server);
    return server;
  }

  function sendRange(request: IncomingMessage, response: ServerResponse, data: Buffer): void {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200).end(data.subarray(from));
  }

  const isLayer = (request: IncomingMessage) =>
    (request.url ?? "").includes("/blobs/") && !(request.url ?? "").endsWith(digestOf(anImage().config));

  const pull = (server: FakeServer, options = {}) => bench.images.port.pull(`${server.host}/app:1`, options);

  it("answers 429 and 503 at first is asked again", async () => {
    let refusals = 0;
    const server = await serve(anImage(), (request, response) => {
      if (!isLayer(request) || refusals >= 2) return false;
      response.writeHead(refusals++ === 0 ? 429 : 503, { "retry-after": "0" }).end();
      return true;
    });
    await pull(server);
    expect(refusals).toBe(2);
  });

  it("breaks off in the middle is asked for the rest only", async () => {
    const image = anImage();
    const ranges: (string | undefined)[] = [];
    const server = await serve(image, (request, response) => {
      if (!isLayer(request)) return false;
      ranges.push(request.headers.range);
      if (ranges.length > 1) return false;
      response.writeHead(200, { "content-length": image.layer.length });
      response.write(image.layer.subarray(0, 100_000), () => request.socket.destroy());
      return true;
    });
    await pull(server);
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=\d{3,}-$/)]);
  });

  it("is left in the middle leaves what came of a layer, until that is pruned or asked for again", async () => {
    const image = anImage();
    const server = await serve(image, (request, response) => {
      if (!isLayer(request)) return false;
      response.writeHead(200, { "content-length": image.layer.length });
      response.write(image.layer.subarray(0, 100_000));
      return true;
    });
    const partials = () => readdirSync(bench.layout.temporaryDir).filter((name) => /^partial-/.test(name));
    const cutPull = async (prunesMeanwhile: boolean) => {
      const abort = new AbortController();
      let come = (): void => {};
      const hasCome = new Promise<void>((resolve) => {
        come = resolve;
      });
      const pulling = pull(server, {
        signal: abort.signal,
        onProgress: ({ status }: { status: string }) => status === "Downloading" && come(),
      });
      pulling.catch(() => {});
      await hasCome;
      if (prunesMeanwhile) await bench.images.port.prune();
      expect(partials()).toHaveLength(1);
      abort.abort();
      await expect(pulling).rejects.toMatchObject({ kind: "cancelled" });
    };
    await cutPull(false);
    expect(partials()).toHaveLength(1);
    await bench.images.port.prune();
    expect(partials()).toEqual([]);
    await cutPull(true);
  });

  it.each(
    ["config", "manifest", "layer"].flatMap((what) =>
      ["missing", "shorter", "changed"].map((how) => [what, how]),
    ),
  )("gives a %s again that is %s here", async (what, how) => {
    const server = await serve(anImage());
    const { id } = await pull(server);
    const { context } = bench.images;
    const stored = context.images.get(id);
    const digest =
      { config: id, manifest: stored?.manifest.digest, layer: stored?.layers[0]?.blob.digest }[what] ?? "";
    const path = context.content.pathOf(digest);
    const bytes = readFileSync(path);
    rmSync(path);
    if (how === "shorter") writeFileSync(path, bytes.subarray(1));
    if (how === "changed") writeFileSync(path, bytes.fill("x", 10, 20));
    // What has its size is only known to be wrong once somebody has read it.
    if (how === "changed") {
      await expect(pull(server)).resolves.toMatchObject({ isNew: false });
      expect(await checkStore(context)).toMatchObject([{ kind: "damaged-blob", digest }]);
    }
    await expect(pull(server)).resolves.toMatchObject({ isNew: true });
    expect(await checkStore(context)).toEqual([]);
    await expect(pull(server)).resolves.toMatchObject({ isNew: false });
  });

  it("has its manifest kept though somebody prunes while it is stored", async () => {
    const server = await serve(anImage());
    const { content } = bench.images.context;
    const put = content.put.bind(content);
    content.put = async (data, mediaType) => {
      const stored = await put(data, mediaType);
      if (mediaType === DOCKER.manifest) await bench.images.port.prune();
      return stored;
    };
    await pull(server);
    expect(await checkStore(bench.images.context)).toEqual([]);
  });

  it.each([
    [
      "tampers with a layer",
      (image: ReturnType<typeof anImage>) => image.layer.writeUInt8(1, 5000),
      /has the digest|not .* as stated/,
    ],
    [
      "gives a layer more bytes than stated",
      (image: ReturnType<typeof anImage>) =>
        Object.assign(image, { layer: Buffer.concat([image.layer, Buffer.from("more")]) }),
      /longer than/,
    ],
  ])("%s is refused, and nothing is stored", async (_what, spoil, message) => {
    const image = anImage();
    spoil(image);
    await expect(pull(await serve(image))).rejects.toThrow(message);
    expect(await bench.images.port.list({ all: true })).toEqual([]);
    expect(readdirSync(bench.layout.layersDir)).toEqual([]);
    await bench.images.recover();
    expect(readdirSync(join(bench.layout.contentDir, "blobs/sha256"))).toEqual([]);
  });

  it("lies about the content of a layer is refused though the blob is what it says", async () => {
    const image = anImage();
    const other = gzipSync(tarOf([{ name: "other" }]));
    image.layer = other;
    image.document.layers[0] = { mediaType: DOCKER.layer, digest: digestOf(other), size: other.length };
    await expect(pull(await serve(image))).rejects.toThrow(/Layer has the digest/);
    expect(readdirSync(bench.layout.layersDir)).toEqual([]);
  });

  it("gives a layer that unpacks to far more than it could hold is stopped", async () => {
    const image = anImage();
    // An archive's end, and then 1.2 GiB of nothing, in some 100 kB.
    const bomb = execFileSync("sh", ["-c", "head -c 1300000000 /dev/zero | zstd -q -1 -c"], {
      maxBuffer: 1 << 26,
    });
    image.layer = bomb;
    image.document.layers[0] = { mediaType: OCI.layerZstd, digest: digestOf(bomb), size: bomb.length };
    await expect(pull(await serve(image))).rejects.toMatchObject({ kind: "exhausted" });
    expect(readdirSync(bench.layout.layersDir)).toEqual([]);
  });

  it("states a size that the disk has no room for is not asked for the layer", async () => {
    const image = anImage();
    image.document.layers[0] = {
      ...image.document.layers[0],
      size: 2 ** 52,
    } as (typeof image.document.layers)[0];
    const server = await serve(image);
    await expect(pull(server)).rejects.toMatchObject({ kind: "exhausted" });
    expect(server.requests.filter(({ url }) => url.endsWith(digestOf(image.layer)))).toEqual([]);
  });

  it("gives a layer whose reading takes a gigabyte of memory is refused", async () => {
    const image = anImage();
    // The window is as large as the frame's head says, and nothing keeps what came from lying in it.
    const layer = execFileSync("sh", ["-c", "cat | zstd -q -1 --long=30 -c"], {
      input: gunzipSync(image.layer),
    });
    image.layer = layer;
    image.document.layers[0] = { mediaType: OCI.layerZstd, digest: digestOf(layer), size: layer.length };
    await expect(pull(await serve(image))).rejects.toThrow(/Cannot decompress zstd data.*/);
    expect(readdirSync(bench.layout.layersDir)).toEqual([]);
  });

  it("gives a layer with a file of 1 TiB that is all hole gets it as one", async () => {
    const image = anImage();
    const tar = execFileSync(
      "sh",
      ["-c", "cd $0 && truncate -s 1T hole && tar -c --sparse hole && rm hole", bench.folder],
      { maxBuffer: 1 << 24 },
    );
    image.layer = gzipSync(tar);
    const config = JSON.parse(image.config.toString());
    image.config = Buffer.from(
      JSON.stringify({ ...config, rootfs: { type: "layers", diff_ids: [digestOf(tar)] } }),
    );
    image.document.config = {
      ...image.document.config,
      digest: digestOf(image.config),
      size: image.config.length,
    };
    image.document.layers[0] = {
      mediaType: DOCKER.layer,
      digest: digestOf(image.layer),
      size: image.layer.length,
    };
    await pull(await serve(image));
    const [layer = ""] = readdirSync(bench.layout.layersDir);
    const { size, blocks } = statSync(join(bench.layout.layersDir, layer, "diff/hole"));
    expect(size).toBe(2 ** 40);
    expect(blocks * 512).toBeLessThan(1 << 20);
  });

  it.each([
    ["is image and index at once", { manifests: [] }, DOCKER.manifest, "both an image and an index"],
    ["came as another type", {}, OCI.index, "but came as"],
    ["is schema 1", { schemaVersion: 1 }, DOCKER.manifest, "schema 1 are not supported"],
    ["has no schema", { schemaVersion: 3 }, DOCKER.manifest, "schemaVersion is not 2"],
    ["has more layers than its configuration", { layers: [] }, DOCKER.manifest, "its configuration 1"],
    [
      "holds an artifact",
      { config: { mediaType: "application/x", digest: digestOf("x"), size: 1 } },
      DOCKER.manifest,
      "no image's",
    ],
  ])("gives a manifest that %s is refused", async (_what, change, type, message) => {
    const image = anImage();
    Object.assign(image.document, change);
    await expect(pull(await serve(image, undefined, type))).rejects.toThrow(message);
  });

  it.each([
    [
      "a manifest of more than 4 MiB",
      (image: ReturnType<typeof anImage>) => padded(image.document, 4),
      "longer than",
    ],
    [
      "a configuration of more than 8 MiB",
      ({ document }: ReturnType<typeof anImage>) =>
        JSON.stringify({ ...document, config: { ...document.config, size: (8 << 20) + 1 } }),
      "its configuration is too long",
    ],
    [
      "two documents in one, by duplicate keys",
      ({ document }: ReturnType<typeof anImage>) =>
        JSON.stringify(document).replace(/}$/, ',"layers":[],"layers":[]}'),
      "duplicate keys",
    ],
    [
      "ten thousand manifests",
      ({ document }: ReturnType<typeof anImage>) =>
        JSON.stringify({
          schemaVersion: 2,
          manifests: Array.from({ length: 10_000 }, () => ({
            ...document.config,
            mediaType: DOCKER.manifest,
          })),
        }),
      "lists more than 1000 manifests",
    ],
  ])("gives %s is refused", async (_what, manifestOf, message) => {
    const image = anImage();
    const server = await serve(image, (request, response) => {
      if (!request.url?.includes("/manifests/")) return false;
      response.end(manifestOf(image));
      return true;
    });
    await expect(pull(server)).rejects.toThrow(message);
    expect(await bench.images.port.list({ all: true })).toEqual([]);
  });

  it("answers with an index in an index in an index is refused", async () => {
    const documents = new Map<string, string>();
    let entry = { mediaType: DOCKER.manifest as string, digest: digestOf("none"), size: 4 };
    for (let depth = 0; depth < 4; depth++) {
      const platform = { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch };
      const text = JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI.index,
        manifests: [{ ...entry, platform }],
      });
      entry = { mediaType: OCI.index, digest: digestOf(text), size: text.length };
      documents.set(entry.digest, text);
    }
    const server = await serve(anImage(), (request, response) => {
      const name = /manifests\/(.*)$/.exec(request.url ?? "")?.[1];
      if (name === undefined) return false;
      response
        .writeHead(200, { "content-type": OCI.index })
        .end(documents.get(name === "1" ? entry.digest : name));
      return true;
    });
    await expect(pull(server)).rejects.toThrow("indexes are nested too deep");
  });

  it("answers 429 for ever is given up after five attempts, and nothing is half-stored", async () => {
    const server = await serve(anImage(), (request, response) => {
      if (!isLayer(request)) return false;
      response.writeHead(429, { "retry-after": "0" }).end();
      return true;
    });
    await expect(pull(server)).rejects.toMatchObject({
      kind: "unavailable",
      message: expect.stringMatching(/^Cannot GET http:.*: the registry answered 429$/),
    });
    expect(
      server.requests.filter(({ url }) => url.includes(anImage().document.layers[0]?.digest ?? "")),
    ).toHaveLength(5);
    await bench.images.recover();
    expect(await checkStore(bench.images.context)).toEqual([]);
    expect(readdirSync(join(bench.layout.contentDir, "blobs/sha256"))).toEqual([]);
  });

  it("lists its tags page by page is asked for all of them, and no circle is followed", async () => {
    const pages = [["1", "2"], ["3"], ["4"]];
    const { host } = await serve(anImage(), (request, response) => {
      const url = new URL(request.url ?? "", "http://registry");
      if (url.pathname !== "/v2/team/app/tags/list") return false;
      const tags = pages.find(([first = ""]) => first > (url.searchParams.get("last") ?? "")) ?? [];
      // The last page leads back to the first, and elsewhere.
      const next = tags.at(-1) === "4" ? "http://elsewhere.example/v2/team/app/tags/list?last=1" : "?last=";
      response.setHeader("link", `<${next}${tags.at(-1) === "4" ? "" : tags.at(-1)}&n=2>; rel="next"`);
      response.end(JSON.stringify({ name: "team/app", tags }));
      return true;
    });
    const lines: string[] = [];
    const onProgress = ({ id, status }: { id?: string; status: string }) =>
      void (/^(Pulling from|Status)/.test(status) && lines.push(`${id ?? ""} ${status}`));
    await bench.images.port.pull(`${host}/team/app`, { allTags: true, onProgress });
    expect(lines).toEqual([
      ...["1", "2", "3", "4"].map((tag) => `${tag} Pulling from team/app`),
      ` Status: Downloaded newer image for ${host}/team/app`,
    ]);
    const { repoTags } = await bench.images.port.inspect(`${host}/team/app:3`);
    expect([...repoTags].sort()).toEqual(["1", "2", "3", "4"].map((tag) => `${host}/team/app:${tag}`));
    await expect(bench.images.port.pull(`${host}/team/app:1`, { allTags: true })).rejects.toThrow(
      "tag can't be used with --all-tags/-a",
    );
  });

  it("has a repository without tags says so", async () => {
    const { host } = await serve(anImage(), (request, response) => {
      if (!request.url?.includes("/tags/list")) return false;
      response.end('{"name":"team/app","tags":null}');
      return true;
    });
    await expect(bench.images.port.pull(`${host}/team/app`, { allTags: true })).rejects.toMatchObject({
      kind: "not-found",
      message: `repository ${host}/team/app has no tags`,
    });
  });

  it("is started anew is found again by who knew it", async () => {
    const manifest = JSON.stringify(anImage().document);
    const first = await openFakeServer((_request, response) => response.end(manifest));
    const second = createServer((_request, response) => response.end(manifest));
    const options = { domain: first.host, settings: { certificateDirs: [] }, retryDelayMs: 50 };
    const asking = RegistrySession.run(options, async (session) => {
      const repository = new Repository(session, "app");
      await repository.manifest("1");
      await first.close();
      setTimeout(() => second.listen(Number(first.host.split(":")[1]), "127.0.0.1"), 100);
      return repository.manifest("1");
    });
    await expect(asking).resolves.toMatchObject({ size: manifest.length });
    second.close();
    second.closeAllConnections();
  });

  it("says nothing for too long is given up", async () => {
    const silent = await openFakeServer(() => {});
    servers.push(silent);
    const asking = RegistrySession.run(
      { domain: silent.host, settings: { certificateDirs: [] }, stallMs: 100, retryDelayMs: 1 },
      (session) => new Repository(session, "app").manifest("1"),
    );
    await expect(asking).rejects.toMatchObject({
      kind: "unavailable",
      cause: { message: "nothing came for 0.1 s" },
    });
  });

  it("lets no connection come about is given up, once", async () => {
    // The kernel takes so many that a stopped program does not, and answers no others.
    const program = `require("net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () {
      console.log(this.address().port); })`;
    const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    const [text] = await once(child.stdout, "data");
    child.kill("SIGSTOP");
    const port = Number(text);
    const fillers = Array.from({ length: 4 }, () => connect(port, "127.0.0.1").on("error", () => {}));
    try {
      await Promise.all(fillers.slice(0, 2).map((socket) => once(socket, "connect")));
      const asking = RegistrySession.run(
        { domain: `127.0.0.1:${port}`, settings: { certificateDirs: [] }, stallMs: 100 },
        (session) => new Repository(session, "app").manifest("1"),
      );
      await expect(asking).rejects.toMatchObject({
        kind: "unavailable",
        cause: { message: "no connection within 0.1 s" },
      });
    } finally {
      for (const socket of fillers) socket.destroy();
      child.kill("SIGKILL");
    }
  });

  it("refuses every credential, or redirects without end, is not asked without end", async () => {
    const locked = await serve(anImage(), (_request, response) => {
      response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
      return true;
    });
    const credentials = { username: "me", password: "secret" };
    await expect(pull(locked, { credentials })).rejects.toMatchObject({ kind: "unauthorized" });
    expect(locked.requests.length).toBeLessThan(10);
    for (const location of ["/v2/again", "file:///etc/passwd", "gopher://x/"]) {
      const round = await serve(anImage(), (request, response) => {
        if (!isLayer(request) && request.url !== "/v2/again") return false;
        response.writeHead(307, { location, "retry-after": "0" }).end();
        return true;
      });
      await expect(pull(round)).rejects.toThrow(/too many redirects|leads to no safe place/);
      expect(round.requests.length).toBeLessThan(50);
    }
  });

  it("names other places for a layer does not lead us there", async () => {
    const elsewhere = await openFakeServer((_request, response) => response.writeHead(401).end());
    servers.push(elsewhere);
    const image = anImage();
    const urls = { urls: [`http://${elsewhere.host}/layer`] };
    image.document.layers = image.document.layers.map((layer) => ({
      ...layer,
      ...urls,
      mediaType: DOCKER.foreignLayer,
    }));
    await pull(await serve(image), { credentials: { username: "me", password: "secret" } });
    expect(elsewhere.requests).toEqual([]);
  });

  it("gives a manifest another digest than asked for is refused", async () => {
    const server = await serve(anImage());
    await expect(bench.images.port.pull(`${server.host}/app@${digestOf("x")}`)).rejects.toThrow(
      "manifest verification failed for digest",
    );
  });

  it("redirects to another host does not make that host see credentials", async () => {
    const image = anImage();
    const storage = await openFakeServer((request, response) => {
      // Even a challenge that looks like the registry's own gets no answer.
      if (request.url?.includes("locked"))
        response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
      else response.end(image.layer);
    });
    servers.push(storage);
    let target = "locked";
    const server = await serve(image, (request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
        return true;
      }
      if (!isLayer(request)) return false;
      response.writeHead(307, { location: `http://${storage.host}/${target}` }).end();
      return true;
    });
    const credentials = { username: "me", password: "secret" };
    await expect(pull(server, { credentials })).rejects.toMatchObject({ kind: "unauthorized" });
    target = "free";
    await pull(server, { credentials });
    expect(storage.requests.map((request) => request.authorization)).toEqual([undefined, undefined]);
    expect(server.requests.some((request) => request.authorization?.startsWith("Basic "))).toBe(true);
  });

  it("uses a token service gets a token for just what is wanted", async () => {
    const tokens = await openFakeServer((_request, response) =>
      response.end(JSON.stringify({ token: "t0" })),
    );
    servers.push(tokens);
    const server = await serve(anImage(), (request, response) => {
      if (request.headers.authorization === "Bearer t0") return false;
      const challenge = `Bearer realm="http://${tokens.host}/token",service="reg",scope="repository:app:pull"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
      return true;
    });
    await pull(server, { credentials: { username: "me", password: "secret" } });
    expect(tokens.requests).toHaveLength(1);
    const asked = new URL(tokens.requests[0]?.url ?? "", "http://x");
    expect(asked.searchParams.get("scope")).toBe("repository:app:pull");
    expect(asked.searchParams.get("service")).toBe("reg");
    expect(tokens.requests[0]?.authorization).toMatch(/^Basic /);
    expect(server.requests.every((request) => !request.authorization?.startsWith("Basic"))).toBe(true);
  });

  it("uses a token service gets one for the few repositories that have layers of what is pushed", async () => {
    const server = await openFakeServer((request, response) => {
      request.resume();
      if (request.url?.startsWith("/token")) response.end('{"token":"t0"}');
      else if (request.headers.authorization === undefined)
        response
          .writeHead(401, { "www-authenticate": `Bearer realm="http://${request.headers.host}/token"` })
          .end();
      else if (request.method === "HEAD") response.writeHead(404).end();
      else request.on("end", () => response.writeHead(201).end());
    });
    servers.push(server);
    const pushLayers = async (name: string, parentId?: string) => {
      const reference = `${server.host}/${name}:1`;
      const layer = stream(tarOf([{ name }]));
      const options = { layer, config: {}, createdBy: "COPY", reference };
      const { id } = await bench.images.commitLayer(
        parentId === undefined ? options : { ...options, parentId },
      );
      await bench.images.port.push(reference);
      return id;
    };
    await pushLayers("other");
    const one = await pushLayers("one");
    const two = await pushLayers("two", one);
    for (const name of ["a", "b", "c"]) await pushLayers(name, one);
    await pushLayers("child", two);
    const [asked = ""] = server.requests
      .flatMap(({ url }) => (url.startsWith("/token") ? [url] : []))
      .slice(-1);
    const scopes = new URL(asked, "http://x").searchParams.getAll("scope");
    expect(scopes).toEqual(["repository:child:pull,push", "repository:two:pull"]);
  });

  it("names a token service in the clear elsewhere is sent no password", async () => {
    const server = await serve(anImage(), (_request, response) => {
      response.writeHead(401, { "www-authenticate": 'Bearer realm="http://192.0.2.1/token"' }).end();
      return true;
    });
    await expect(pull(server, { credentials: { username: "me", password: "secret" } })).rejects.toThrow(
      "not encrypted",
    );
  });

  it("has a token service that redirects elsewhere does not make that place see the password", async () => {
    const elsewhere = await openFakeServer((_request, response) => response.end('{"token":"t"}'));
    const tokens = await openFakeServer((_request, response) =>
      response.writeHead(307, { location: `http://${elsewhere.host}/token` }).end(),
    );
    servers.push(elsewhere, tokens);
    const server = await serve(anImage(), (_request, response) => {
      response.writeHead(401, { "www-authenticate": `Bearer realm="http://${tokens.host}/token"` }).end();
      return true;
    });
    await expect(pull(server, { credentials: { username: "me", password: "secret" } })).rejects.toThrow(
      "it answered 307",
    );
    expect(elsewhere.requests).toEqual([]);
  });

  it("has uploads go to another host does not make that host see credentials", async () => {
    const image = anImage();
    await pull(await serve(image));
    const uploads: (string | undefined)[] = [];
    const storage = await openFakeServer((request, response) => {
      uploads.push(request.headers.authorization);
      request.resume().on("end", () => response.writeHead(201).end());
    });
    servers.push(storage);
    const server = await serve(image, (request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
      } else if (request.method === "POST") {
        response.writeHead(202, { location: `http://${storage.host}/put` }).end();
      } else if (request.method === "PUT") {
        request.resume().on("end", () => response.writeHead(201).end());
      } else response.writeHead(404).end();
      return true;
    });
    const [reference = ""] = (await bench.images.port.list({})).flatMap(({ repoTags }) => repoTags);
    await bench.images.port.tag(reference, `${server.host}/app:1`);
    const credentials = { username: "me", password: "secret" };
    await bench.images.port.push(`${server.host}/app:1`, { credentials });
    expect(uploads).toEqual([undefined, undefined]);
    expect(server.requests.some((request) => request.authorization?.startsWith("Basic "))).toBe(true);
  });

  /** Makes an image of `layers` layers, and pushes it to a registry that has nothing and starts uploads. */
  async function pushTo(layers: number, put: (request: IncomingMessage, response: ServerResponse) => void) {
    let uploads = 0;
    const server = await openFakeServer((request, response) => {
      if (request.method === "POST") response.writeHead(202, { location: `/upload/${++uploads}` }).end();
      else if (request.method === "HEAD") response.writeHead(404).end();
      else if (request.url?.startsWith("/upload/")) put(request, response);
      else request.resume().on("end", () => response.writeHead(201).end());
    });
    servers.push(server);
    const reference = `${server.host}/app:1`;
    let parent: { readonly id: string } | undefined;
    for (let layer = 0; layer < layers; layer++)
      parent = await bench.images.commitLayer({
        ...(parent === undefined ? {} : { parentId: parent.id }),
        layer: stream(tarOf([{ name: `f${layer}`, data: randomBytes(2 << 20) }])),
        config: {},
        createdBy: "COPY",
        reference,
      });
    return { server, pushing: bench.images.port.push(reference) };
  }

  it("breaks off in the middle of an upload has a new one begun, whose place is another", async () => {
    const begun = new Set<string>();
    const { server, pushing } = await pushTo(1, (request, response) => {
      const [place = ""] = request.url?.split("?") ?? [];
      const isKnown = begun.has(place);
      begun.add(place);
      if (isKnown) response.writeHead(400).end('{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"no"}]}');
      else if (begun.size === 1) request.once("data", () => request.socket.destroy());
      else request.resume().on("end", () => response.writeHead(201).end());
    });
    await pushing;
    // The layer twice, and the configuration.
    expect(server.requests.filter(({ method }) => method === "POST")).toHaveLength(3);
  });

  it("refuses a layer is sent no more of the others", async () => {
    const closed: Promise<unknown>[] = [];
    const { server, pushing } = await pushTo(3, (request, response) => {
      request.resume();
      if (closed.length === 2) response.writeHead(400).end("{}");
      // Taken, and never answered.
      else closed.push(new Promise((resolve) => request.once("close", resolve)));
    });
    await expect(pushing).rejects.toThrow("the registry answered 400");
    const asked = server.requests.length;
    await Promise.all(closed);
    expect(server.requests).toHaveLength(asked);
  });

  it("refuses credentials has them in no error, whatever it answers", async () => {
    const credentials = { username: "me", password: "pass-word-1", serverAddress: "x" };
    const basic = Buffer.from("me:pass-word-1").toString("base64");
    const answers: Handler[] = [
      (_request, response) => !!response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end(),
      (request, response) =>
        request.headers.authorization === undefined
          ? !!response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end()
          : !!response.writeHead(400).end(`{"errors":[{"code":"X","message":"no"}]}`),
      (request, response) =>
        request.url?.startsWith("/token")
          ? !!response.writeHead(403).end()
          : !!response
              .writeHead(401, {
                "www-authenticate": `Bearer realm="http://${request.headers.host}/token?a=b"`,
              })
              .end(),
    ];
    for (const answer of answers) {
      const server = await serve(anImage(), answer);
      const failure = await pull(server, { credentials }).then(String, inspect);
      expect(failure).toContain("RuntimeError");
      expect(failure).not.toMatch(new RegExp(`pass-word-1|${basic}`));
    }
  });

  it("is a mirror that fails at one layer has the next one serve all of it", async () => {
    const image = anImage();
    const broken = await serve(image, (request, response) => {
      if (!isLayer(request)) return false;
      response.writeHead(404).end();
      return true;
    });
    const whole = await serve(image);
    const images = await openImages({
      ...bench,
      users: { images: () => [], ofImage: () => [], ofVolume: () => [] },
      registries: { mirrors: [broken, whole].map(({ host }) => `http://${host}`) },
    });
    await images.port.pull("app:1");
    expect((await images.port.inspect("app:1")).repoTags).toEqual(["app:1"]);
    const asked = (server: FakeServer) =>
      server.requests.some(({ url }) => url.endsWith(digestOf(image.layer)));
    expect([broken, whole].map(asked)).toEqual([true, true]);
  });

  it("is a mirror serves for Docker Hub, without its credentials", async () => {
    const server = await serve(anImage());
    const images = await openImages({
      ...bench,
      users: { images: () => [], ofImage: () => [], ofVolume: () => [] },
      registries: { mirrors: [`http://${server.host}`] },
    });
    await images.port.pull("app:1", { credentials: { username: "me", password: "secret" } });
    expect((await images.port.inspect("app:1")).repoTags).toEqual(["app:1"]);
    expect(server.requests.map((request) => request.url)).toContain("/v2/library/app/manifests/1");
    expect(server.requests.every((request) => request.authorization === undefined)).toBe(true);
  });
});
