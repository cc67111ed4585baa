import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { cacheKey } from "../../src/runtime/engine/build/build-cache.ts";
import type { BuildOptions, Filters } from "../../src/runtime/index.ts";
import { APPLETS, type BuildBench, openBuildBench } from "../support/build-bench.ts";
import { busyboxTar, folder, link, stream, tarOf } from "../support/image-bench.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

describe("a build", () => {
  let bench: BuildBench;

  beforeAll(async () => {
    bench = await openBuildBench("build");
  });
  afterAll(() => bench.close());

  it("makes an image of a Dockerfile, told as the classic builder tells it", async () => {
    const dockerfile = [
      "FROM busybox",
      "ARG A=1",
      "ENV E=$A",
      "COPY f /f",
      "RUN echo built $E > /b",
      "WORKDIR /srv/app",
      'CMD ["cat","/b"]',
    ].join("\n");
    const files = [{ name: "f", data: "file" }];
    const first = await bench.build(dockerfile, files, {
      buildArgs: { A: "2" },
      tags: ["one:1"],
      labels: { l: "it's" },
    });
    const info = await bench.runtime.images.inspect("one:1");
    expect(info.id).toBe(first.id);
    expect(info.config).toEqual({
      cmd: ["cat", "/b"],
      env: [PATH, "E=2"],
      workingDir: "/srv/app",
      labels: { l: "it's" },
    });
    expect(await bench.output("one:1", "sh", "-c", "cat /b /f; pwd")).toBe("built 2\nfile/srv/app\n");
    expect(first.text).toMatch(/^Step 1\/8 : FROM busybox\n ---> [0-9a-f]{12}\nStep 2\/8 : ARG A=1\n/);
    expect(first.text).toMatch(/Step 5\/8 : RUN echo built \$E > \/b\n ---> Running in [0-9a-f]{12}\n/);
    const again = await bench.build(dockerfile, files, { buildArgs: { A: "2" }, labels: { l: "it's" } });
    expect(again.id).toBe(first.id);
    expect(again.text).not.toContain("Running in");
    expect(again.text.match(/Using cache/g)).toHaveLength(7);
    const history = await bench.runtime.images.history("one:1");
    expect(history.map(({ createdBy }) => createdBy).slice(0, 5)).toEqual([
      "/bin/sh -c #(nop)  LABEL l=it's",
      '/bin/sh -c #(nop)  CMD ["cat","/b"]',
      "/bin/sh -c #(nop) WORKDIR /srv/app",
      "|1 A=2 /bin/sh -c echo built $E > /b",
      expect.stringMatching(/^\/bin\/sh -c #\(nop\) COPY file:[0-9a-f]{64} in \/f $/),
    ]);
  });

  it("knows after a restart what it did before, and notices what changed", async () => {
    const dockerfile = "FROM busybox\nCOPY a b /dst/\nRUN cat /dst/a /dst/b > /sum\nLABEL x=1";
    const files = (a: string) => [
      { name: "a", data: a },
      { name: "b", data: "b" },
      { name: "c", data: "unrelated" },
    ];
    const first = await bench.build(dockerfile, files("1"));
    await bench.reopen();
    const touched = files("1").map((file) => ({ ...file, mtime: { seconds: 12345, nanoseconds: 0 } }));
    expect((await bench.build(dockerfile, touched)).id).toBe(first.id);
    const changed = await bench.build(dockerfile, files("2"));
    expect(changed.id).not.toBe(first.id);
    expect(changed.text).not.toContain("Using cache");
    const fresh = await bench.build(dockerfile, files("1"), { noCache: true });
    expect(fresh.text).not.toContain("Using cache");
  });

  it("runs stages side by side, and only those that are needed", async () => {
    const dockerfile = [
      "FROM busybox AS unused",
      "RUN exit 1",
      "FROM busybox AS one",
      "RUN echo one > /out",
      "FROM busybox AS two",
      "RUN mkdir /d && echo two > /d/x && ln -s x /d/l && chown 5:6 /d/x && chmod 4711 /d/x",
      "FROM scratch",
      "COPY --from=one /out /one",
      "COPY --from=two /d /d/",
      "COPY --from=busybox /bin/ /bin/",
      "COPY --from=1 /out /again",
    ].join("\n");
    await bench.build(dockerfile, [], { tags: ["multi:1"] });
    const listing = await bench.output(
      "multi:1",
      "/bin/sh",
      "-c",
      "cat /one /again /d/l; stat -c '%a %u:%g' /d/x; readlink /d/l",
    );
    expect(listing).toBe("one\none\ntwo\n4711 5:6\nx\n");
    const target = await bench.build(dockerfile, [], { target: "two" });
    expect(target.text).toContain("Step 1/2 : FROM busybox AS two");
  });

  it("makes the same image again where steps take files of stages and images", async () => {
    const dockerfile = [
      "FROM busybox AS from",
      "RUN echo x > /x",
      "FROM busybox",
      "COPY --from=from /x /x",
      "COPY --from=busybox /bin/cat /y",
      "RUN --mount=from=from,target=/m cp /m/x /z",
      "ADD a.tar /a/",
    ].join("\n");
    const files = [{ name: "a.tar", data: tarOf([{ name: "in", data: "in" }]) }];
    const build = async (options: Partial<BuildOptions> = {}) => {
      const built = await bench.build(dockerfile, files, {
        buildArgs: { BUILDKIT_INLINE_CACHE: "1" },
        ...options,
      });
      const history = await bench.runtime.images.history(built.id);
      return {
        ...built,
        copies: history
          .slice(0, 4)
          .map(({ createdBy }) => createdBy)
          .filter((text) => text.includes("COPY")),
      };
    };
    const first = await build({ tags: ["carrier:1"] });
    const second = await build();
    expect(second.text).not.toContain("Running in");
    expect(second.copies).toEqual([
      expect.stringMatching(/ file:[0-9a-f]{64} in \/y /),
      expect.stringMatching(/ file:[0-9a-f]{64} in \/x /),
    ]);
    expect(second.copies).toEqual(first.copies);
    expect(second.id).toBe(first.id);
    await bench.reopen();
    expect((await build()).id).toBe(first.id);
    // An image brings layers and keys along, not what was read.
    await bench.runtime.pruneBuildCache({ all: true });
    const imported = await build({ cacheFrom: ["carrier:1"] });
    expect(imported.text.match(/COPY .*\n ---> Using cache/g)).toHaveLength(2);
    expect(imported.copies).toEqual(first.copies);
  });

  it("does once what two builds come to at the same time", async () => {
    const dockerfile = "FROM busybox\nRUN sleep 1; head -c 8 /dev/urandom > /once\nRUN cat /once > /twice";
    const [one, two] = await Promise.all([bench.build(dockerfile, []), bench.build(dockerfile, [])]);
    const runs = `${one.text}${two.text}`.match(/Running in/g);
    expect(runs).toHaveLength(2);
    expect(two.id).toBe(one.id);
  });

  it("stops at the first failure and says where it was", async () => {
    const failing = bench.build("FROM busybox\n\nRUN echo before \\\n && exit 3\nRUN never");
    await expect(failing).rejects.toMatchObject({
      message: "The command '/bin/sh -c echo before  && exit 3' returned a non-zero code: 3",
      exitCode: 3,
      output: expect.stringMatching(
        /before\nDockerfile:3\n-+\n {3}1 \| {5}FROM busybox\n.*\n {3}3 \| >>> RUN echo before/s,
      ),
    });
    await expect(bench.build("FROM busybox\nRUM x")).rejects.toThrow(
      "dockerfile parse error on line 2: unknown instruction: RUM (did you mean RUN?)",
    );
    await expect(bench.build("FROM busybox\nCOPY nope /x")).rejects.toThrow(
      "COPY failed: file not found in build context or excluded by .dockerignore: stat nope: file does not exist",
    );
    await expect(bench.build("FROM busybox", [], { dockerfile: "Other" })).rejects.toThrow(
      "Cannot locate specified Dockerfile: Other",
    );
    await expect(bench.build("FROM busybox", [], { target: "nope" })).rejects.toThrow(
      'target stage "nope" could not be found',
    );
    const mounts = readdirSync(join(bench.folder, "run/mounts"));
    expect(mounts).toEqual([]);
  });

  it("copies as Docker does", async () => {
    const files = [
      { name: "dir/sub/deep", data: "deep" },
      { name: "dir/top", data: "top", mode: 0o751, uid: 77, gid: 77 },
      link("dir/link", "top"),
      { name: "a1", data: "a1" },
      { name: "a2", data: "a2" },
      { name: "name with blank", data: "blank" },
      { name: ".dockerignore", data: "ignored\n**/*.log\n!keep.log" },
      { name: "ignored", data: "x" },
      { name: "dir/x.log", data: "x" },
      { name: "keep.log", data: "kept" },
    ];
    const dockerfile = [
      "FROM busybox",
      "RUN mkdir /real && ln -s real /via && ln -s /real /abs",
      "WORKDIR /w",
      "COPY dir d",
      "COPY a? as/",
      'COPY ["name with blank", "/b l"]',
      "COPY --chown=1:2 --chmod=600 a1 owned/file",
      "COPY --chown=3 a2 /",
      "COPY dir/link /followed",
      "COPY a1 /via/",
      "COPY a1 /abs/other",
      "COPY ../../a2 /clamped",
      "COPY . /all/",
      "COPY --exclude=dir --exclude=*.log . /some/",
      "COPY --parents dir/sub/deep /p/",
    ].join("\n");
    await bench.build(dockerfile, files, { tags: ["copies:1"] });
    const script = [
      "cat d/sub/deep d/link as/a1 as/a2 '/b l' /followed /via/a1 /real/other /clamped /p/dir/sub/deep; echo",
      "stat -c '%n %a %u:%g' d/top owned owned/file /a2 d/link",
      "ls -A /all /some",
      "test -L /followed || echo plain",
    ].join("; ");
    expect(await bench.output("copies:1", "sh", "-c", script)).toBe(
      [
        "deeptopa1a2blanktopa1a1a2deep",
        "d/top 751 0:0",
        "owned 600 1:2",
        "owned/file 600 1:2",
        "/a2 644 3:3",
        "d/link 777 0:0",
        "/all:",
        ...[".dockerignore", "Dockerfile", "a1", "a2", "dir", "keep.log", "name with blank"],
        "",
        "/some:",
        ...[".dockerignore", "Dockerfile", "a1", "a2", "name with blank"],
        "plain",
        "",
      ].join("\n"),
    );
  });

  it("keeps the parents of what it copies, from the pivot on", async () => {
    const files = ["a/b/c/d/foo", "a/b/c/d/e/bay", "a/b2/c/d/e/bar", "a/b/c2/d/e/baz", "a/n", "ab/c/x"].map(
      (name) => ({ name, data: name }),
    );
    const dockerfile = [
      "FROM busybox",
      "COPY --parents ./a/b/./c/d /out/folder/",
      "COPY --parents /a/b/c/d/. /out/dot/",
      "COPY --parents /a/./b/./c /out/twice/",
      "COPY --parents a/./*/c /out/glob/",
      "COPY --parents a/b*/./c/**/ba? /out/both/",
      "COPY --parents a/b*/./c2/d/e/baz /out/some/",
      "COPY --parents a/././../n a/b/./c/d/foo /out/files/",
      "COPY --parents --exclude=b/c/d a/./b /out/less/",
    ].join("\n");
    await bench.build(dockerfile, files, { tags: ["parents:1"] });
    const found = await bench.output("parents:1", "sh", "-c", "cd /out && find . -type f | sort");
    expect(found.trim().split("\n")).toEqual([
      ...["./both/c/d/e/bar", "./both/c/d/e/bay"],
      ...["./dot/a/b/c/d/e/bay", "./dot/a/b/c/d/foo"],
      ...["./files/c/d/foo", "./files/n"],
      ...["./folder/c/d/e/bay", "./folder/c/d/foo"],
      ...["./glob/b/c/d/e/bay", "./glob/b/c/d/foo", "./glob/b2/c/d/e/bar"],
      "./less/b/c2/d/e/baz",
      "./some/c2/d/e/baz",
      ...["./twice/b/c/d/e/bay", "./twice/b/c/d/foo"],
    ]);
  });

  it("copies anew where a kept parent has another name", async () => {
    const listing = async (sources: string, folder: string) => {
      await bench.build(
        `FROM busybox\nCOPY --parents ${sources} /x/`,
        [{ name: `${folder}/f/g`, data: "g" }],
        {
          tags: ["renamed:1"],
        },
      );
      return bench.output("renamed:1", "find", "/x", "-type", "f");
    };
    expect(await listing("a/f/g", "a")).toBe("/x/a/f/g\n");
    expect(await listing("b/f/g", "b")).toBe("/x/b/f/g\n");
    expect(await listing("*/f", "a")).toBe("/x/a/f/g\n");
    expect(await listing("*/f", "b")).toBe("/x/b/f/g\n");
    expect(await listing("b/./f/g", "b")).toBe("/x/f/g\n");
  });

  it("makes a missing target folder anew, whatever the source folder is like", async () => {
    const files = [
      { name: "a", data: "a" },
      { name: "b", data: "b" },
    ];
    const dockerfile = [
      "FROM busybox AS from",
      "RUN mkdir -m 700 /s && mkdir -m 700 /s/in && chown -R 5:6 /s",
      "FROM busybox",
      "COPY --from=from /s /new/s",
      "COPY --from=from --chmod=g+w /s /symbolic",
      "COPY --from=from --chmod=750 /s /octal/s",
      "COPY a b /tmp",
      "COPY none* /none/",
    ].join("\n");
    await bench.build(dockerfile, files, { tags: ["folders:1"] });
    const script =
      "stat -c '%n %a %u:%g' /new /new/s /new/s/in /symbolic /symbolic/in /octal /octal/s /octal/s/in; cat /tmp/a /tmp/b; ls /none";
    expect(await bench.output("folders:1", "sh", "-c", `${script} 2>/dev/null || true`)).toBe(
      "/new 755 0:0\n/new/s 755 0:0\n/new/s/in 700 5:6\n/symbolic 755 0:0\n/symbolic/in 720 5:6\n/octal 750 0:0\n/octal/s 750 0:0\n/octal/s/in 750 5:6\nab",
    );
    await expect(bench.build("FROM busybox\nCOPY a b /nowhere", files)).rejects.toThrow(
      "must be a directory",
    );
  });

  it("gives folders that exist below the target the owner, mode and time of the source's", async () => {
    const archive = tarOf([
      folder("told", { mode: 0o2750, uid: 7, gid: 8, mtime: { seconds: 1000000000, nanoseconds: 0 } }),
      { name: "told/f", data: "f" },
      { name: "implied/f", data: "f" },
      { name: "link/f", data: "f" },
      folder("real", { mode: 0o700 }),
    ]);
    const files = [
      folder("src/told", { mode: 0o750, mtime: { seconds: 1000000000, nanoseconds: 0 } }),
      { name: "src/told/f", data: "f" },
      { name: "a.tar", data: archive },
    ];
    const dockerfile = [
      "FROM busybox AS from",
      "RUN mkdir -p /s/told && chown -R 5:6 /s && chmod 2770 /s/told && touch -d @1000000000 /s /s/told",
      "FROM busybox",
      "RUN mkdir /there && chmod 711 /there && for d in a b c d; do cp -a /there /$d; cp -a /there /$d/told; done",
      "RUN cp -a /there /d/implied && cp -a /there /d/file && ln -s /there /d/link && ln -s /there /d/real",
      "COPY src /a/",
      "COPY --chown=1:2 --chmod=705 src /b/",
      "COPY --from=from /s /c",
      "ADD a.tar /d/",
      "USER 11:12",
      "WORKDIR /there/made/by",
    ].join("\n");
    await bench.build(dockerfile, files, { tags: ["existing:1"] });
    const paths = [
      "/a",
      "/a/told",
      "/b",
      "/b/told",
      "/c",
      "/c/told",
      "/d",
      "/d/told",
      "/d/implied",
      "/d/link",
    ];
    const listing = await bench.output(
      "existing:1",
      "stat",
      "-c",
      "%n %a %u:%g",
      ...[...paths, "/d/real", "/there", "/there/made", "/there/made/by"],
    );
    expect(listing.split("\n")).toEqual([
      "/a 711 0:0",
      "/a/told 750 0:0",
      "/b 711 0:0",
      "/b/told 705 1:2",
      "/c 711 0:0",
      "/c/told 2770 5:6",
      "/d 711 0:0",
      "/d/told 2750 7:8",
      "/d/implied 711 0:0",
      "/d/link 777 0:0",
      "/d/real 700 0:0",
      "/there 711 0:0",
      "/there/made 755 11:12",
      "/there/made/by 755 11:12",
      "",
    ]);
    const times = await bench.output("existing:1", "stat", "-c", "%Y", "/a/told", "/c", "/c/told", "/d/told");
    expect(times).toBe("1000000000\n".repeat(4));
    await expect(bench.build("FROM busybox\nRUN ln -s /tmp /told\nCOPY src /", files)).rejects.toThrow(
      "cannot copy to non-directory: /told",
    );
  });

  it("copies names of any bytes, and tells them apart", async () => {
    const hard = { name: "hard\xe9", type: "hardlink", linkName: "caf\xe9" } as const;
    const items = [
      { name: "caf\xe9", data: "1" },
      { name: "caf\xe8", data: "2" },
      ...[folder("d\xff"), { name: "d\xff/x\xfe", data: "3" }, link("ln\xe7", "caf\xe9"), hard],
    ];
    const dockerfile =
      "FROM busybox AS a\nADD a.tar /l/\nFROM busybox\nCOPY --from=a /l /m\nCOPY --from=a /l/ca* /l/d? /n/";
    await bench.build(dockerfile, [{ name: "a.tar", data: tarOf(items) }], { tags: ["bytes:1"] });
    const script = "find /m /n | sort | tr '\\347\\350\\351\\376\\377' 'cdeyz'; cat /m/ca* /m/ln* /m/d*/x*";
    expect(await bench.output("bytes:1", "sh", "-c", script)).toBe(
      "/m\n/m/cafd\n/m/cafe\n/m/dz\n/m/dz/xy\n/m/harde\n/m/lnc\n/n\n/n/cafd\n/n/cafe\n/n/xy\n2113",
    );
    await bench.build("FROM busybox\nADD ca* /a/\nCOPY d? /b/", items, { tags: ["bytes:0"] });
    expect(await bench.output("bytes:0", "sh", "-c", "cat /a/* /b/*")).toBe("213");
    const other = [{ name: "caf\xea", data: "2" }, ...items.filter(({ name }) => name !== "caf\xe8")];
    await bench.build(dockerfile, [{ name: "a.tar", data: tarOf(other) }], { tags: ["bytes:2"] });
    expect(await bench.output("bytes:2", "sh", "-c", "find /m | tr '\\352' f")).toContain("caff\n");
  });

  it("sees of an image that begins with nothing only what it has itself", async () => {
    const rootfs = tarOf([
      folder("proc", { mode: 0o555 }),
      folder("sys", { mode: 0o555 }),
      folder("dev", { mode: 0o711 }),
      folder("etc", { mode: 0o700 }),
    ]);
    const files = [
      { name: "rootfs.tar", data: rootfs },
      { name: "f", data: "f" },
    ];
    await bench.build("FROM scratch\nADD rootfs.tar /\nCOPY f /etc/mtab", files, { tags: ["nothing:1"] });
    await bench.build("FROM busybox\nCOPY --from=nothing:1 / /seen/", [], { tags: ["nothing:2"] });
    const script = "cd /seen; stat -c '%n %a' *; find . -type f; cat etc/mtab";
    expect(await bench.output("nothing:2", "sh", "-c", script)).toBe(
      "dev 711\netc 700\nproc 555\nsys 555\n./etc/mtab\nf",
    );
  });

  it("lets the later of ARG and ENV win, and a stage inherit the ARGs of the one it is built on", async () => {
    const dockerfile = [
      "FROM busybox AS first",
      "ENV A=env B=env",
      "ARG A=arg",
      "ARG C=arg",
      "ENV C=env",
      "ARG B",
      "ARG D=inherited TARGETSTAGE",
      "RUN echo $A $B $C > /first",
      "FROM first",
      "ARG TARGETSTAGE",
      "LABEL seen=$A-$B-$C-$D-$TARGETSTAGE",
    ].join("\n");
    const { id } = await bench.build(dockerfile, [], { tags: ["later:1"] });
    const { config } = await bench.runtime.images.inspect(id);
    expect(config.labels).toEqual({ seen: "arg-env-env-inherited-default" });
    expect(config.env).toEqual(expect.arrayContaining(["A=env", "B=env", "C=env"]));
    expect(await bench.output("later:1", "cat", "/first")).toBe("arg env env\n");
  });

  it("gives a command the proxies in small letters and capitals", async () => {
    const buildArgs = { http_proxy: "http://p", NO_PROXY: "x" };
    const dockerfile = "FROM busybox\nRUN env | grep -i proxy | sort > /p";
    await bench.build(dockerfile, [], { tags: ["proxies:1"], buildArgs });
    expect(await bench.output("proxies:1", "cat", "/p")).toBe(
      "HTTP_PROXY=http://p\nNO_PROXY=x\nhttp_proxy=http://p\nno_proxy=x\n",
    );
  });

  it("reads heredocs as commands, scripts and files", async () => {
    const dockerfile = [
      "FROM busybox",
      "ARG V=var",
      "RUN <<EOF",
      "echo one > /out",
      'echo "two $V" >> /out',
      "EOF",
      "RUN <<SCRIPT",
      "#!/bin/cat",
      "printed",
      "SCRIPT",
      "RUN cat <<A > /a && cat <<'B' > /b",
      "to a $V",
      "A",
      "to b $V",
      "B",
      "COPY <<EOF <<'RAW' /files/",
      "value $V 'quoted'",
      "EOF",
      "raw $V",
      "RAW",
    ].join("\n");
    const { text } = await bench.build(dockerfile, [], { tags: ["heredoc:1"] });
    expect(text).toContain("#!/bin/cat\nprinted\n");
    expect(
      await bench.output(
        "heredoc:1",
        "sh",
        "-c",
        "cat /out /a /b /files/EOF /files/RAW; ls /dev | grep pipes",
      ),
    ).toBe("one\ntwo var\nto a var\nto b $V\nvalue var 'quoted'\nraw $V\n");
  });

  it("mounts files, caches, memory and secrets for one command only", async () => {
    const dockerfile = [
      "FROM busybox AS src",
      "RUN echo from-stage > /s",
      "FROM busybox",
      "RUN --mount=type=bind,source=f,target=/in/f cat /in/f > /f && ! touch /in/f 2>/dev/null",
      "RUN --mount=from=src,source=/s,target=/x cat /x > /s",
      "RUN --mount=type=bind,source=dir,target=/rw,rw echo changed > /rw/g && cat /rw/g > /g",
      "RUN --mount=type=cache,target=/cache echo $(ls /cache | wc -l) > /before && touch /cache/one",
      "RUN --mount=type=cache,target=/cache,sharing=locked ls /cache > /after",
      "RUN --mount=type=tmpfs,target=/t,size=1m mount | grep ' /t ' | grep -c size=1024k > /t1; touch /t/x",
      "RUN --mount=type=secret,id=token sha256sum < /run/secrets/token > /sum && stat -c %a /run/secrets/token > /mode",
      'RUN --mount=type=secret,id=token,env=TOKEN test -n "$TOKEN"',
    ].join("\n");
    const files = [{ name: "f", data: "file" }, folder("dir"), { name: "dir/g", data: "original" }];
    const secrets = { token: Buffer.from("s3cret-canary") };
    await bench.build(dockerfile, files, { tags: ["mounts:1"], secrets });
    expect(
      await bench.output(
        "mounts:1",
        "sh",
        "-c",
        "cat /f /s /g /before /after /t1 /mode; ls -d /in /x /rw /cache /t /run 2>&1 | grep -vc 'No such'",
      ),
    ).toBe("filefrom-stage\nchanged\n0\none\n1\n400\n0\n");
    expect(await bench.output("mounts:1", "cat", "/sum")).not.toBe("");
    // The secret is nowhere below the data root, compressed layers unpacked included.
    const found = execFileSync(
      "sh",
      ["-c", `grep -rl s3cret-canary ${bench.folder}/root ${bench.folder}/run || true`],
      { encoding: "utf8" },
    );
    expect(found).toBe("");
    await expect(
      bench.build(dockerfile.replace("type=secret,id=token ", "type=secret,id=other,required "), files),
    ).rejects.toThrow("secret other: not found");
  });

  it("fills caches from a stage, of which no command waits for another", async () => {
    const names = Array.from({ length: Math.max(2, availableParallelism()) }, (_, index) => `user${index}`);
    const dockerfile = [
      "FROM busybox AS seed",
      "WORKDIR /seed",
      "RUN echo seed > f",
      ...names.flatMap((name) => [
        `FROM busybox AS ${name}`,
        `RUN --mount=type=cache,id=from-${name},from=seed,source=/seed,target=/c cat /c/f > /f; echo more > /c/${name}`,
      ]),
      "FROM user0",
      "RUN --mount=type=cache,id=from-user0,from=seed,source=/seed,target=/c ls /c > /list",
      ...names.map((name) => `COPY --from=${name} /f /${name}`),
    ].join("\n");
    const { id } = await bench.build(dockerfile);
    expect(await bench.output(id, "cat", "/list", ...names.map((name) => `/${name}`))).toBe(
      `f\nuser0\n${"seed\n".repeat(names.length)}`,
    );
  });

  it("adds archives unpacked and keeps to the image when they are hostile", async () => {
    const archive = tarOf([folder("in"), { name: "in/f", data: "unpacked", uid: 7, gid: 8 }]);
    const files = [
      { name: "a.tar.gz", data: gzipSync(archive) },
      { name: "named.tar", data: "no tar" },
      { name: "evil.tar", data: tarOf([{ name: "../../../evil", data: "x" }]) },
      { name: "links.tar", data: tarOf([link("l", "/etc"), { name: "l/evil", data: "x" }]) },
    ];
    await bench.build("FROM busybox\nADD a.tar.gz named.tar /add/\nADD links.tar /links/", files, {
      tags: ["added:1"],
    });
    expect(
      await bench.output(
        "added:1",
        "sh",
        "-c",
        "cat /add/in/f /add/named.tar; stat -c %u:%g /add/in/f; find /links /etc -name evil",
      ),
    ).toBe("unpackedno tar7:8\n/links/etc/evil\n");
    await expect(bench.build("FROM busybox\nADD evil.tar /", files)).rejects.toThrow("leads out");
  });

  it("copies what is no plain file: pipes and devices, of an archive and of another stage", async () => {
    const nodes = tarOf([
      { name: "pipe", type: "fifo", mode: 0o640, uid: 7, gid: 8 },
      { name: "zero", type: "character-device", deviceMajor: 1, deviceMinor: 5, mode: 0o666 },
    ]);
    const dockerfile = [
      "FROM scratch AS nodes",
      "ADD nodes.tar /nodes/",
      "FROM busybox",
      "COPY --from=nodes /nodes/ /copied/",
      "COPY --from=nodes --chmod=600 /nodes/pipe /pipe",
    ].join("\n");
    await bench.build(dockerfile, [{ name: "nodes.tar", data: nodes }], { tags: ["nodes:1"] });
    const look = "stat -c '%F %a %t,%T' /copied/pipe /copied/zero /pipe";
    expect(await bench.output("nodes:1", "sh", "-c", look)).toBe(
      "fifo 640 0,0\ncharacter special file 666 1,5\nfifo 600 0,0\n",
    );
  });

  it("copies a program anew when its capabilities alone have changed", async () => {
    const bindsLowPorts = Buffer.from(`0100000200040000${"00".repeat(12)}`, "hex");
    const permitted = async (xattrs: ReadonlyMap<string, Buffer>) => {
      const program = { name: "busybox", mode: 0o755, data: readFileSync("/bin/busybox"), xattrs };
      await bench.runtime.images.import(stream(tarOf([program])), { reference: "program:1" });
      const dockerfile = "FROM busybox\nCOPY --from=program:1 /busybox /p/\nUSER 5";
      await bench.build(dockerfile, [], { tags: ["capable:1"] });
      return bench.output("capable:1", "/p/busybox", "grep", "CapPrm", "/proc/self/status");
    };
    const capable = new Map([["security.capability", bindsLowPorts]]);
    expect(await permitted(new Map())).toBe("CapPrm:\t0000000000000000\n");
    expect(await permitted(capable)).toBe("CapPrm:\t0000000000000400\n");
    expect(await permitted(new Map())).toBe("CapPrm:\t0000000000000000\n");
  });

  it("carries out ONBUILD, SHELL, USER, VOLUME, HEALTHCHECK and the like", async () => {
    await bench.build(
      "FROM busybox\nONBUILD RUN echo triggered > /onbuild\nONBUILD COPY f /fromchild\nSTOPSIGNAL SIGINT",
      [],
      { tags: ["parent:1"] },
    );
    const dockerfile = [
      "ARG BASE=parent:1",
      "FROM $BASE",
      'SHELL ["/bin/sh", "-exc"]',
      "RUN false || echo $0",
      "USER 1234:56",
      "RUN id > /tmp/id",
      "VOLUME /v1 /v2",
      "EXPOSE 80/tcp 90-91",
      "HEALTHCHECK --interval=5s --retries=2 CMD test -f /x",
      'ENTRYPOINT ["sh", "-c"]',
      "CMD shell form",
      "MAINTAINER me",
    ].join("\n");
    await bench.build(dockerfile, [{ name: "f", data: "child" }], { tags: ["child:1"] });
    const info = await bench.runtime.images.inspect("child:1");
    expect(info.author).toBe("me");
    expect(info.config).toEqual({
      env: [PATH],
      user: "1234:56",
      volumes: ["/v1", "/v2"],
      exposedPorts: ["80/tcp", "90/tcp", "91/tcp"],
      healthcheck: { test: ["CMD-SHELL", "test -f /x"], intervalMs: 5000, retries: 2 },
      entrypoint: ["sh", "-c"],
      cmd: ["/bin/sh", "-exc", "shell form"],
      shell: ["/bin/sh", "-exc"],
      stopSignal: "SIGINT",
    });
    expect(await bench.output("child:1", "cat /onbuild /fromchild /tmp/id")).toBe(
      "triggered\nchilduid=1234 gid=56 groups=56\n",
    );
  });

  it("keeps what an ONBUILD writes below its line for the later build", async () => {
    const triggers = [
      "RUN <<EOF\necho $0 > /run\nEOF",
      'COPY <<-"A" <<B /d/\n\tone $x\nA\ntwo\nB',
      "RUN cat <<-C > /cat\n\tc\nC",
    ];
    const parent = `FROM busybox\n${triggers.map((text) => `ONBUILD ${text.replace(/\nA\n/, "\n\tA\n")}\n`).join("")}`;
    await bench.build(parent, [], { tags: ["heredocs:1"] });
    expect((await bench.runtime.images.inspect("heredocs:1")).config.onBuild).toEqual(triggers);
    await bench.build("FROM heredocs:1", [], { tags: ["heredocs:2"] });
    expect(await bench.output("heredocs:2", "cat", "/run", "/d/A", "/d/B", "/cat")).toBe(
      "/bin/sh\none $x\ntwo\nc\n",
    );
  });

  it("leaves nothing but the image when it is cancelled", async () => {
    const abort = new AbortController();
    const building = bench.build("FROM busybox\nRUN echo started && sleep 100", [], {
      signal: abort.signal,
      onOutput: (text) => text.includes("started\n") && !text.includes("Step") && abort.abort(),
    });
    await expect(building).rejects.toMatchObject({ kind: "cancelled" });
    expect(readdirSync(join(bench.folder, "run/mounts"))).toEqual([]);
    expect(
      existsSync(join(bench.folder, "run/build-secrets")) &&
        readdirSync(join(bench.folder, "run/build-secrets")),
    ).not.toHaveLength(1);
  });

  it("takes context and Dockerfile apart, and an empty context", async () => {
    const { id } = await bench.runtime.images.build({
      context: stream(Buffer.alloc(0)),
      dockerfileText: "FROM busybox\nRUN echo x > /x",
    });
    expect(await bench.output(id, "cat", "/x")).toBe("x\n");
    const named = await bench.build("FROM base\nCOPY --from=other f /f", [], {
      namedContexts: { base: "docker-image://busybox", other: stream(tarOf([{ name: "f", data: "other" }])) },
    });
    expect(await bench.output(named.id, "cat", "/f")).toBe("other");
  });

  it.each([
    ["type=cache,traget=/x", "unexpected key 'traget' in 'traget=/x'"],
    ["target=/x,mode", "invalid field 'mode' must be a key=value pair"],
    ["target=/x,ro=maybe", "invalid value for ro: maybe"],
    ["target=/x,required", "unexpected key 'required' for mount type 'bind'"],
    ["type=cache,target=/x,size=1", "unexpected key 'size' for mount type 'cache'"],
  ])("refuses RUN --mount=%s", async (mount, message) => {
    await expect(bench.build(`FROM busybox\nRUN --mount=${mount} true`)).rejects.toThrow(message);
  });

  it("says of an image and its steps that they are as old as SOURCE_DATE_EPOCH", async () => {
    const dockerfile = "FROM busybox\nRUN echo dated > /x\nENV a=b";
    const dated = (epoch: string) => bench.build(dockerfile, [], { buildArgs: { SOURCE_DATE_EPOCH: epoch } });
    const { id } = await dated("1000");
    const created = new Date(1_000_000);
    expect((await bench.runtime.images.inspect(id)).createdAt).toEqual(created);
    const [env, run, base] = await bench.runtime.images.history(id);
    expect([env?.createdAt, run?.createdAt]).toEqual([created, created]);
    expect(base?.createdAt).not.toEqual(created);
    await expect(dated("soon")).rejects.toThrow("invalid SOURCE_DATE_EPOCH: soon");
  });

  it("frees of its cache what the filters want", async () => {
    await bench.build(
      "FROM busybox\nRUN --mount=type=cache,target=/c,id=filtered echo > /c/x && echo > /once",
      [],
    );
    const held = async () => (await bench.runtime.diskUsage()).buildCache;
    const before = await held();
    const prune = async (filters: Filters) => {
      const { removed } = await bench.runtime.pruneBuildCache({ all: true, filters });
      return removed;
    };
    expect(await prune({ until: ["1h"] })).toEqual([]);
    expect(await prune({ id: ["nosuch"] })).toEqual([]);
    await expect(prune({ until: ["foo"] })).rejects.toThrow("until");
    await expect(prune({ foo: ["x"] })).rejects.toThrow("invalid filter 'foo'");
    expect(await held()).toHaveLength(before.length);
    const mounts = before.filter(({ type }) => type === "exec.cachemount").map(({ id }) => id);
    expect(mounts.length).toBeGreaterThan(0);
    expect(await prune({ type: ["exec.cachemount"] })).toEqual(mounts);
    expect(await held()).toHaveLength(before.length - mounts.length);
    const [one] = (await held()).filter(({ isInUse }) => !isInUse);
    expect(await prune({ id: [one?.id ?? ""] })).toEqual([one?.id]);
  });

  it("keeps a cache that can be seen and freed", async () => {
    const usage = await bench.runtime.diskUsage();
    expect(usage.buildCache.length).toBeGreaterThan(5);
    expect(usage.layersBytes).toBeGreaterThan(1_000_000);
    const { removed } = await bench.runtime.pruneBuildCache({ all: true });
    expect(removed.length).toBe(usage.buildCache.length);
    expect((await bench.runtime.diskUsage()).buildCache).toEqual([]);
    expect(await bench.output("one:1", "cat", "/b")).toBe("built 2\n");
  });
});

describe("a build beside those who remove things", () => {
  const WAIT = "busybox mkfifo /gate/pipe && echo waiting && cat /gate/pipe";
  let bench: BuildBench;

  beforeEach(async () => {
    bench = await openBuildBench("beside");
  });
  afterEach(() => bench.close());

  /** Builds; between `WAIT` of a command that has `/gate`, a cache mount, and the rest of it, does something else. */
  async function buildWith(dockerfile: string, meanwhile: () => Promise<void>) {
    const stop = new AbortController();
    let waits = () => {};
    const waiting = new Promise<void>((resolve) => {
      waits = resolve;
    });
    let text = "";
    const building = bench.build(dockerfile, [], {
      tags: ["built:1"],
      signal: stop.signal,
      onOutput: (part) => {
        text += part;
        if (text.includes("waiting\n")) waits();
      },
    });
    try {
      await Promise.race([waiting, building]);
      await meanwhile();
      const pipe = join(bench.folder, "root/build-cache/mounts", cacheKey("gate"), "pipe");
      await Promise.race([building, writeFile(pipe, "")]);
      await building;
    } finally {
      stop.abort();
      await building.catch(() => {});
    }
  }

  it("keeps the layers of its images to its end, and no longer", async () => {
    const digests: string[] = [];
    for (const name of ["base", "lent"]) {
      const tar = Buffer.concat([
        tarOf([{ name: "marker", data: `${name}\n` }]).subarray(0, -1024),
        busyboxTar(APPLETS),
      ]);
      const { id } = await bench.runtime.images.import(stream(tar), { reference: name });
      digests.push(id.slice("sha256:".length), createHash("sha256").update(tar).digest("hex"));
    }
    const [baseId = "", base = "", lentId = "", lent = ""] = digests;
    const isThere = (path: string) => existsSync(join(bench.folder, "root", path));
    const dockerfile = [
      "FROM base AS work",
      `RUN --mount=type=cache,id=gate,target=/gate --mount=from=lent,target=/lent ${WAIT} && cat /marker /lent/marker > /first`,
      "RUN cat /marker /first > /second",
      "COPY --from=lent /marker /third",
      "FROM busybox",
      "COPY --from=work /second /third /",
    ].join("\n");
    await buildWith(dockerfile, async () => {
      await bench.runtime.images.remove("base", { force: true });
      await bench.runtime.images.prune({ dangling: ["false"] });
      expect(await bench.runtime.images.list()).toEqual([]);
      expect([isThere(`layers/${base}`), isThere(`layers/${lent}`)]).toEqual([true, true]);
    });
    expect(await bench.output("built:1", "cat", "/second", "/third")).toBe("base\nbase\nlent\nlent\n");
    for (const layer of [base, lent]) expect(isThere(`layers/${layer}`)).toBe(false);
    for (const id of [baseId, lentId]) expect(isThere(`content/blobs/sha256/${id}`)).toBe(false);
  });

  it("keeps the cache that its command has mounted, which counts as in use", async () => {
    const caches = async () => {
      const { buildCache } = await bench.runtime.diskUsage();
      return buildCache.filter(({ type }) => type === "exec.cachemount");
    };
    const dockerfile = [
      "FROM busybox",
      `RUN --mount=type=cache,id=gate,target=/gate --mount=type=cache,id=done,target=/done ${WAIT} && touch /gate/after`,
      "RUN --mount=type=cache,id=gate,target=/gate ls /gate > /kept",
    ].join("\n");
    await bench.build("FROM busybox\nRUN --mount=type=cache,id=idle,target=/idle true");
    await buildWith(dockerfile, async () => {
      expect((await caches()).map(({ isInUse }) => isInUse).sort()).toEqual([false, true, true]);
      const { removed } = await bench.runtime.pruneBuildCache({ all: true });
      const left = await caches();
      expect(left.map(({ isInUse }) => isInUse)).toEqual([true, true]);
      for (const { id } of left) expect(removed).not.toContain(id);
    });
    expect(await bench.output("built:1", "cat", "/kept")).toBe("after\npipe\n");
    const idle = await caches();
    expect(idle.map(({ isInUse }) => isInUse)).toEqual([false, false]);
    const { removed } = await bench.runtime.pruneBuildCache({ all: true });
    expect(removed).toEqual(expect.arrayContaining(idle.map(({ id }) => id)));
    expect(await caches()).toEqual([]);
  });
});
