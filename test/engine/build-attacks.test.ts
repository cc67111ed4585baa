import { execFileSync } from "node:child_process";
import { lookup } from "node:dns/promises";
import { mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openRemote } from "../../src/server/remote-context.ts";
import { type BuildBench, openBuildBench } from "../support/build-bench.ts";
import { folder, inventory, link, stream, tarOf } from "../support/image-bench.ts";
import { type FakeServer, openFakeServer } from "../support/registry-bench.ts";

const OUTSIDE = "198.18.77.1";

/** This machine's own name, where that leads to its loopback. */
async function namesOfLoopback(): Promise<readonly string[]> {
  const { address } = await lookup(hostname()).catch(() => ({ address: "" }));
  return address.startsWith("127.") ? [hostname()] : [];
}

describe("a hostile build", () => {
  let bench: BuildBench;
  let canary: string;
  let before: string;
  const servers: FakeServer[] = [];

  beforeAll(async () => {
    bench = await openBuildBench("attack");
  });
  afterAll(() => bench.close());

  beforeEach(() => {
    canary = join(bench.folder, "canary");
    mkdirSync(canary, { recursive: true });
    writeFileSync(join(canary, "secret"), "host-secret");
    before = inventory(canary);
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
    expect(inventory(canary)).toBe(before);
  });

  const climbing = () => `${"../".repeat(20)}${canary.slice(1)}`;

  it("reads no file of the machine through links in the context", async () => {
    const files = [
      link("abs", join(canary, "secret")),
      link("rel", `${climbing()}/secret`),
      link("dir", canary),
      folder("d"),
      link("d/in", join(canary, "secret")),
    ];
    for (const source of ["abs", "rel", "dir/secret", "dir", "../../../../../../etc/passwd"])
      await expect(bench.build(`FROM busybox\nCOPY ${source} /x`, files)).rejects.toThrow(
        "file not found in build context",
      );
    await expect(bench.build("FROM busybox\nCOPY ab* /g/", files)).rejects.toThrow(
      "file not found in build context",
    );
    await bench.build("FROM busybox\nCOPY d /d", files, { tags: ["links:1"] });
    expect(await bench.output("links:1", "readlink", "/d/in")).toBe(`${join(canary, "secret")}\n`);
  });

  it("does not take its Dockerfile or its ignore file from elsewhere", async () => {
    const build = bench.build("FROM busybox", [link("Other", "/etc/passwd")], { dockerfile: "Other" });
    await expect(build).rejects.toThrow("Cannot locate specified Dockerfile: Other");
    const climbs = bench.build("FROM busybox", [], { dockerfile: "../../../../etc/passwd" });
    await expect(climbs).rejects.toThrow("Cannot locate specified Dockerfile");
    await bench.build("FROM busybox\nCOPY a /a", [{ name: "a" }, link(".dockerignore", "/etc/passwd")]);
  });

  it("writes nothing to the machine through links in the image", async () => {
    const dockerfile = [
      "FROM busybox",
      `RUN ln -s ${canary} /out && ln -s ${climbing()} /up && mkdir /dir && ln -s ${canary} /dir/sub`,
      "COPY f /out/f",
      "COPY f /up/g",
      "ADD tree.tar /dir",
      "COPY --chown=9:9 f /out",
      "WORKDIR /out/made",
    ].join("\n");
    const files = [
      { name: "f", data: "evil" },
      folder("tree"),
      folder("tree/sub"),
      { name: "tree/sub/h", data: "evil" },
      { name: "tree.tar", data: tarOf([{ name: "sub/h", data: "evil" }]) },
    ];
    await bench.build(dockerfile, files, { tags: ["inside:1"] });
    await expect(bench.build("FROM inside:1\nCOPY tree /dir", files)).rejects.toThrow(
      "cannot copy to non-directory: /dir/sub",
    );
    expect(await bench.output("inside:1", "sh", "-c", `find ${canary} | sort`)).toBe(
      [canary, "f", "g", "h", "made"]
        .map((name, index) => (index === 0 ? name : `${canary}/${name}`))
        .sort()
        .join("\n")
        .concat("\n"),
    );
  });

  it("reads no file of the machine through links of another stage", async () => {
    const stage = `FROM busybox AS evil\nRUN ln -s ${join(canary, "secret")} /s && ln -s ${canary} /d\nFROM busybox\n`;
    for (const step of [
      "COPY --from=evil /s /x",
      "COPY --from=evil /d/secret /x",
      "RUN --mount=from=evil,source=/d,target=/m ls /m",
    ])
      await expect(bench.build(stage + step)).rejects.toThrow(/file does not exist|not found|no such file/);
  });

  it("mounts nothing from outside the context, and cleans up without following links", async () => {
    const outside = bench.build(
      "FROM busybox\nRUN --mount=type=bind,source=../../../..,target=/m ls /m/f && ls /m | wc -l > /n",
      [{ name: "f" }],
      { tags: ["clamped:1"] },
    );
    await outside;
    expect(await bench.output("clamped:1", "cat", "/n")).toBe("2\n");
    // The mount point is made where a link of the image leads, inside; the command then turns a folder above it round.
    await bench.build(
      `FROM busybox\nRUN mkdir /real && ln -s real /via\nRUN --mount=type=tmpfs,target=/via/deep/er true\nRUN --mount=type=tmpfs,target=/a/b rm -rf /via; ln -s ${canary} /via`,
      [],
      { tags: ["stubs:1"] },
    );
    expect(await bench.output("stubs:1", "sh", "-c", "ls /real; ls -d /a 2>/dev/null")).toBe("");
  });

  it("cannot lead the source of a mount out by links, nor a mount in a cache that others write to (CVE-2024-23651)", async () => {
    const stage = `FROM busybox AS evil\nRUN mkdir /s && ln -s ${canary} /s/abs && ln -s ${climbing()} /s/up\nFROM busybox\n`;
    for (const source of ["/s/abs", "/s/up", "/s/abs/secret", "../../../../s/up"])
      for (const type of ["bind", "bind,rw", "cache"])
        await expect(
          bench.build(
            `${stage}RUN --mount=type=${type},from=evil,source=${source},target=/m,id=${source} cat /m/secret /m`,
          ),
        ).rejects.toThrow(/not found|no such file|non-zero code/);
    // The context's own `..` is its root, however often it is climbed.
    await bench.build(
      "FROM busybox\nRUN --mount=type=bind,from=evil,source=../..,target=/m test -e /m/inside && test ! -e /m/etc",
      [],
      { namedContexts: { evil: stream(tarOf([{ name: "inside" }, link("out", canary)])) } },
    );
    // One step swaps folder and link in the cache, while others have a mount below it.
    const swap = bench.build(
      `FROM busybox\nRUN --mount=type=cache,target=/c mkdir -p /c/a/b && ln -sfn ${canary} /c/l && for i in $(ls -d /proc/[0-9]* /bin/* /bin/*); do mv /c/a /c/t; mv /c/l /c/a; mv /c/a /c/l; mv /c/t /c/a; done`,
      [],
      { noCache: true },
    );
    const mounted = Array.from({ length: 4 }, (_, n) =>
      bench
        .build(
          `FROM busybox\nRUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/c/a/deep-${n} ! ls /c/a/secret`,
          [],
          { noCache: true },
        )
        .catch((error: unknown) => expect(error).toMatchObject({ name: "RuntimeError" })),
    );
    await Promise.all([swap, ...mounted]);
  });

  it("runs no frontend that its Dockerfile names", async () => {
    const server = await openFakeServer((_request, response) => response.writeHead(404).end());
    servers.push(server);
    const { text } = await bench.build(
      `# syntax=${server.host}/evil/frontend:1\nFROM busybox\nRUN echo ours`,
    );
    expect(text).toContain("ours");
    expect(server.requests).toEqual([]);
  });

  it("fetches by http only, and no redirect leads inwards", async () => {
    let location = "";
    const server = await openFakeServer((request, response) => {
      if (request.url === "/file")
        response.writeHead(200, { "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT" }).end("fetched");
      else response.writeHead(302, { location }).end();
    });
    servers.push(server);
    await bench.build(
      `FROM busybox\nADD http://${server.host}/file /f/\nADD --chmod=755 http://${server.host}/file /g`,
      [],
      { tags: ["url:1"] },
    );
    expect(
      await bench.output("url:1", "sh", "-c", "cat /f/file; stat -c ' %a %Y' /f/file; stat -c %a /g"),
    ).toBe("fetched 600 1767225600\n755\n");
    for (const target of ["file:///etc/passwd", "gopher://x/", "ftp://x/y"]) {
      location = target;
      await expect(
        bench.build(`FROM busybox\nADD http://${server.host}/away /f`, [], { noCache: true }),
      ).rejects.toThrow(`it redirects to ${target}`);
    }
    const wrong = bench.build(
      `FROM busybox\nADD --checksum=sha256:${"0".repeat(64)} http://${server.host}/file /f`,
    );
    await expect(wrong).rejects.toThrow("digest mismatch");
    await expect(bench.build("FROM busybox\nADD file:///etc/passwd /f")).rejects.toThrow(
      "file not found in build context",
    );
  });

  it("is led inside by no redirect of a server outside, by address or by name", async () => {
    const inside = await openFakeServer((_request, response) => response.end("inner"));
    servers.push(inside);
    const port = inside.host.split(":")[1];
    let location = "";
    // An address of this machine that is none of its loopback's: what answers there is outside.
    execFileSync("ip", ["address", "replace", `${OUTSIDE}/32`, "dev", "lo"]);
    try {
      const outside = await openFakeServer((request, response) => {
        if (request.url === "/file") response.end("outer");
        else response.writeHead(302, { location }).end();
      }, OUTSIDE);
      servers.push(outside);
      for (const host of [
        ...(await namesOfLoopback()),
        ...["127.0.0.1", "127.9.9.9", "2130706433", "0x7f.1", "0", "localhost", "LOCALHOST"],
        ...[
          "169.254.169.254",
          "[::1]",
          "[::]",
          "[::ffff:127.0.0.1]",
          "[::ffff:169.254.169.254]",
          "[fe80::1]",
        ],
      ]) {
        location = `http://${host}:${port}/`;
        await expect(
          bench.build(`FROM busybox\nADD http://${outside.host}/away /f`, [], { noCache: true }),
          host,
        ).rejects.toMatchObject({ kind: "forbidden", message: expect.stringContaining("it redirects to") });
        // Nor is a context, or a root file system to import.
        await expect(openRemote(`http://${outside.host}/away`), host).rejects.toMatchObject({
          kind: "forbidden",
        });
      }
      expect(inside.requests).toEqual([]);
      location = "/file";
      await bench.build(`FROM busybox\nADD http://${outside.host}/away /f`, [], { tags: ["outer:1"] });
      expect(await bench.output("outer:1", "cat", "/f")).toBe("outer");
    } finally {
      execFileSync("ip", ["address", "delete", `${OUTSIDE}/32`, "dev", "lo"]);
    }
  });

  it("prints without end and is heard for 2 MiB a step", async () => {
    const { text, steps } = await bench.build(
      "FROM busybox\nRUN head -c 8000000 /dev/zero | tr '\\0' x\nRUN echo more",
    );
    const logged = steps.reduce((sum, step) => sum + (step.log?.data.length ?? 0), 0);
    for (const bytes of [text.length, logged]) {
      expect(bytes).toBeGreaterThan(2 << 20);
      expect(bytes).toBeLessThan((2 << 20) + 4096);
    }
    expect(text).toContain("x\n[output clipped, log limit 2MiB reached]\n ---> Removed");
    expect(text).toContain("\nmore\n");
  });

  it("is told apart from a build that only is wrong", async () => {
    await expect(bench.build("FROM busybox\nRUN --security=insecure id")).rejects.toMatchObject({
      kind: "forbidden",
    });
    await expect(bench.build("FROM busybox\nRUN --mount=type=ssh,required=true id")).rejects.toMatchObject({
      kind: "not-found",
    });
    await expect(bench.build("FROM busybox\nRUN --device=x id")).rejects.toMatchObject({
      kind: "unsupported",
    });
    await expect(bench.build("FROM busybox\nRUN --mount=type=nope id")).rejects.toThrow(
      'unsupported mount type "nope"',
    );
    await expect(bench.build("FROM busybox\nCOPY --nope a b")).rejects.toThrow("unknown flag: --nope");
    await expect(bench.build("FROM busybox\nCOPY a")).rejects.toThrow("COPY requires at least two arguments");
    await expect(bench.build("FROM busybox\nCOPY --chown=nobodyknows Dockerfile /")).rejects.toThrow(
      "unable to find user nobodyknows",
    );
    await expect(bench.build("FROM busybox\nCOPY --chmod=9x Dockerfile /")).rejects.toThrow(
      "invalid chmod parameter",
    );
  });
});
