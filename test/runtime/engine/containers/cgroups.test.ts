import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Cgroups } from "../../../../src/runtime/engine/containers/cgroups.ts";

const V1 =
  "30 20 0:25 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n31 20 0:26 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";
const V2 = "30 20 0:25 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

describe("the machine's cgroups", () => {
  it("are found by controller where they are of version 1, and in one place where they are of version 2", () => {
    const one = new Cgroups(V1, "");
    expect([one.version, one.folder("/s/x", "cpuacct"), one.folder("/s/x", "memory")]).toEqual([
      "1",
      "/sys/fs/cgroup/cpu,cpuacct/s/x",
      undefined,
    ]);
    const two = new Cgroups(V2, "");
    expect([two.version, two.folder("/s/x", "cpuacct")]).toEqual(["2", "/sys/fs/cgroup/s/x"]);
  });

  it.each([
    ["of this machine", undefined, undefined],
    ["of version 1, in a group that is not there", V1, "8:pids:/stowage-none\n"],
    ["of version 1, in no group", V1, ""],
    ["of version 2", V2, "0::/\n"],
  ])("expect a move and leave this process where it is: %s", async (_, mounts, groups) => {
    const before = readFileSync("/proc/self/cgroup", "utf8");
    new Cgroups(mounts, groups).expectMove();
    await new Promise((resolve) => setImmediate(resolve));
    expect(readFileSync("/proc/self/cgroup", "utf8")).toBe(before);
  });
});
