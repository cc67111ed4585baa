import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { randomName } from "../../../../src/runtime/engine/containers/names.ts";
import { ContainerRoot } from "../../../../src/runtime/engine/containers/rooted-path.ts";
import { isStopping, signalNumber } from "../../../../src/runtime/engine/containers/signals.ts";
import { processesOf } from "../../../../src/runtime/engine/containers/top.ts";
import { lookUpUser } from "../../../../src/runtime/engine/containers/user-lookup.ts";
import {
  execFailure,
  exitCodeOfFailure,
  lastLoggedError,
  startError,
} from "../../../../src/runtime/engine/oci/failure.ts";

describe("lookUpUser", () => {
  const passwd = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n# no entry\nbroken\n";
  const group = "root:x:0:\nwheel:x:10:root,app\nstaff:x:20:app\n";
  const look = (user: string, groupAdd: readonly string[] = []) =>
    lookUpUser({ user, groupAdd, passwd, group });
  it.each([
    ["", 0, 0, [0, 10]],
    ["app", 1000, 1001, [1001, 10, 20]],
    ["1000", 1000, 1001, [1001, 10, 20]],
    ["app:staff", 1000, 20, [20]],
    ["app:77", 1000, 77, [77]],
    ["4321", 4321, 0, [0]],
    ["4321:wheel", 4321, 10, [10]],
    [":wheel", 0, 10, [10]],
  ])("%s", (user, uid, gid, additionalGids) => {
    expect(look(user)).toEqual({ uid, gid, additionalGids });
  });

  it("adds groups by name and number", () => {
    expect(look("4321", ["staff", "99"]).additionalGids).toEqual([0, 20, 99]);
  });

  it("reads lines as they are, blanks around them aside", () => {
    const odd = "#app:x:1:1\n \tapp:x:7: \r\nno:id\nother:x:8 \r\n:x:9:9";
    const lookIn = (user: string) => lookUpUser({ user, groupAdd: [], passwd: odd, group: "g:x:5:a,,b,app" });
    expect(lookIn("app")).toEqual({ uid: 7, gid: 0, additionalGids: [0, 5] });
    expect(lookIn("other")).toEqual({ uid: 8, gid: 0, additionalGids: [0] });
    expect(lookIn("9")).toEqual({ uid: 9, gid: 9, additionalGids: [9] });
    expect(() => lookIn("no")).toThrow("unable to find user no");
  });

  it("takes little time however many lines an image has", () => {
    const text = "a:b\n".repeat(1 << 18);
    const { user: before } = process.cpuUsage();
    for (let n = 0; n < 4; n++) lookUpUser({ user: "5:6", groupAdd: ["7"], passwd: text, group: text });
    expect((process.cpuUsage().user - before) / 1000).toBeLessThan(600);
  });

  it.each([
    ["nobody", "unable to find user nobody"],
    ["app:nogroup", "unable to find group nogroup"],
    ["4294967295", "must be in range"],
    ["-1", "must be in range"],
  ])("%s is refused", (user, message) => expect(() => look(user)).toThrow(message));
});

describe("ContainerRoot", () => {
  let base = "";
  let outside = "";
  let root: ContainerRoot;
  beforeAll(() => {
    base = mkdtempSync(join(tmpdir(), "stowage-root-"));
    outside = join(base, "outside");
    const inside = join(base, "inside");
    for (const path of [outside, inside, join(inside, "etc"), join(inside, "a/b")])
      mkdirSync(path, { recursive: true });
    writeFileSync(join(inside, "etc/passwd"), "inside");
    writeFileSync(join(outside, "passwd"), "outside");
    symlinkSync("/etc", join(inside, "abs"));
    symlinkSync("../../../../../../etc", join(inside, "a/b/up"));
    symlinkSync(outside, join(inside, "out"));
    symlinkSync("loop", join(inside, "loop"));
    symlinkSync("abs/passwd", join(inside, "chain"));
    root = new ContainerRoot(inside, [{ target: "/mnt/vol", source: outside }]);
  });
  afterAll(() => {
    root.close();
    rmSync(base, { recursive: true });
  });

  it.each([
    ["/etc/passwd", "/etc/passwd"],
    ["/abs/passwd", "/etc/passwd"],
    ["/a/b/up/passwd", "/etc/passwd"],
    ["/../../etc/./passwd", "/etc/passwd"],
    ["/chain", "/etc/passwd"],
    ["/", "/"],
    ["/a/b/..", "/a"],
    ["/a/b/../../a/b/../b/up/../etc/passwd", "/etc/passwd"],
  ])("%s is %s inside", (path, inside) => {
    expect(root.locate(path)).toMatchObject({ insidePath: inside });
  });

  it.each(["/out/passwd", "/loop", "/no/such", "/etc/passwd/x"])("%s leads nowhere", (path) => {
    expect(() => root.locate(path)).toThrow(expect.objectContaining({ kind: "not-found" }));
  });

  it("does not follow a last link unless asked, or a slash says so", () => {
    expect(root.locate("/abs", { follow: false }).insidePath).toBe("/abs");
    expect(root.locate("/abs/", { follow: false }).insidePath).toBe("/etc");
    expect(root.locate("/missing").stat).toBeUndefined();
  });

  it("sees a volume where it is mounted, also where the root has no such folder", () => {
    mkdirSync(join(base, "inside/mnt"), { recursive: true });
    expect(root.readText("/mnt/vol/passwd", 100)).toBe("outside");
    expect(root.locate("/mnt/vol").name).toBe("vol");
  });

  it("makes no folder for a mount in a volume that is read-only, and does without the mount", () => {
    const folders = join(base, "folders");
    mkdirSync(folders);
    using other = new ContainerRoot(folders, [
      { target: "/writable", source: outside },
      { target: "/read-only", source: outside, isReadOnly: true },
      { target: "/read-only/a/b", source: folders },
      { target: "/c/d", source: outside },
    ]);
    expect(existsSync(join(outside, "a"))).toBe(false);
    expect(() => other.locate("/read-only/a/b")).toThrow("no such file or directory");
    expect(readdirSync(folders)).toEqual(["c"]);
    expect(other.readText("/c/d/passwd", 100)).toBe("outside");
    expect(other.mountPoint("/c/d")).toBe("/c/d");
  });

  it("has one folder open for a place, however long the way there, and the way has an end", () => {
    const deep = join(base, "inside", "d/".repeat(1000));
    mkdirSync(deep, { recursive: true });
    for (let n = 0; n < 5; n++) symlinkSync(`/${"d/".repeat(1000)}${n + 1}`, join(deep, String(n)));
    root.letGo();
    const before = readdirSync("/proc/self/fd").length;
    root.locate(`/${"d/".repeat(1000)}2`);
    root.locate(`/${"d/".repeat(1000)}${"../../d/d/".repeat(2)}5`);
    expect(readdirSync("/proc/self/fd").length - before).toBe(2);
    expect(() => root.locate(`/${"d/".repeat(1000)}0`)).toThrow("too many folders on the way");
    root.letGo();
    expect(readdirSync("/proc/self/fd")).toHaveLength(before);
  });

  it("opens what was found, and no link that has come in its place", () => {
    const name = join(base, "inside/swapped");
    mkdirSync(name);
    const place = root.locate("/swapped");
    rmdirSync(name);
    symlinkSync(outside, name);
    expect(() => root.open(place)).toThrow("replaced by a link");
  });

  it("opens nothing else to read it: a device would act on it", async () => {
    const name = join(base, "inside/turned");
    writeFileSync(name, "");
    const place = root.locate("/turned");
    rmSync(name);
    // Opening it is an error.
    const server = createServer().listen(name);
    await once(server, "listening");
    expect(root.read(place, 3)).toBeUndefined();
    server.close();
  });

  it("reads plain files only, and no more than asked for", () => {
    expect(root.readText("/etc/passwd", 3)).toBe("ins");
    expect(root.readText("/etc", 3)).toBeUndefined();
    expect(root.readText("/no", 3)).toBeUndefined();
  });
});

describe("signals", () => {
  it.each([
    ["KILL", 9],
    ["sigterm", 15],
    ["15", 15],
    ["SIGRTMIN+3", 37],
    ["RTMAX-1", 63],
  ])("%s is %i", (name, number) => expect(signalNumber(name)).toBe(number));

  it.each(["", "NOPE", "0", "65", "RTMIN+99"])("%s is none", (name) => {
    expect(() => signalNumber(name)).toThrow("invalid signal");
  });

  it("tell a wish to stop from any other message", () => {
    expect(isStopping(9, "SIGUSR1")).toBe(true);
    expect(isStopping(15, "SIGUSR1")).toBe(false);
    expect(isStopping(10, "SIGUSR1")).toBe(true);
    expect(isStopping(15, undefined)).toBe(true);
    expect(isStopping(1, undefined)).toBe(false);
  });
});

describe("what programs print", () => {
  it("ps: only the container's processes, the command in one piece", () => {
    const output = "UID   PID CMD\nroot  1 /sbin/init a b\nroot 42 sleep  10\n";
    expect(processesOf(output, new Set([42]))).toEqual({
      titles: ["UID", "PID", "CMD"],
      processes: [["root", "42", "sleep 10"]],
    });
    expect(() => processesOf("USER CMD\n", new Set())).toThrow("Couldn't find PID field");
  });

  it.each([
    ['exec: "x": executable file not found in $PATH', 127],
    ["exec: /x: stat /x: no such file or directory", 127],
    ['exec: "/etc": permission denied', 126],
    ["exec /etc: is a directory", 126],
    ["something else", 128],
  ])("%s means %i", (message, code) => expect(exitCodeOfFailure(message)).toBe(code));

  it.each([
    ["nope", "executable file `nope` not found in $PATH: No such file or directory", 127],
    ["/no/such", "executable file `/no/such` not found in $PATH: No such file or directory", 127],
    ["/etc/passwd/x", "open executable: Not a directory", 127],
    ["/etc/passwd", "open executable: Permission denied", 126],
    ["/etc", "open executable: Operation not permitted", 126],
    ["true", "chdir `/nope`: No such file or directory", 127],
    ["true", "mount `/etc` to `etc/passwd`: Not a directory", 127],
    ["true", "writing file `cpuset.cpus`: Numerical result out of range", 128],
  ])("of %s crun says: %s", (program, message, exitCode) => {
    expect(execFailure(message, program).exitCode).toBe(exitCode);
    expect(startError({ runtimeName: "crun", program, message })).toMatchObject({
      exitCode,
      kind: exitCode === 128 ? "internal" : "invalid",
    });
  });

  it("the last error of a log with torn lines", () => {
    const log = '{"level":"error","msg":"a"}\n{"level":"warning","msg":"b"}\n{"level":"err';
    expect(lastLoggedError(log)).toBe("a");
  });

  it("a name nobody has", () => {
    const taken = new Set<string>();
    for (let n = 0; n < 500; n++) taken.add(randomName((name) => !taken.has(name)));
    expect(taken.size).toBe(500);
  });
});
