import { describe, expect, it } from "vitest";
import { type Bench, kindOf, LABEL } from "./support.ts";

export function volumesKeepTheContract(bench: Bench): void {
  const labels = { [LABEL]: "" };

  describe("volumes", () => {
    it("are made once, found, listed and removed", async () => {
      const { volumes } = bench.runtime;
      const name = bench.name("vol");
      const made = await volumes.create({ name, labels: { ...labels, cargo: "grain" } });
      expect(made).toMatchObject({ name, driver: "local", isAnonymous: false });
      expect((await volumes.create({ name })).createdAt).toEqual(made.createdAt);
      expect((await volumes.list({ label: ["cargo=grain"] })).map((found) => found.name)).toEqual([name]);
      await volumes.remove(name);
      expect(await kindOf(volumes.inspect(name))).toBe("not-found");
      expect(await kindOf(volumes.remove(name))).toBe("not-found");
      await volumes.remove(name, { force: true });
    });

    it("keep what was written for the next container", async () => {
      const name = bench.name("vol");
      await bench.runtime.volumes.create({ name, labels });
      const mounts = [{ type: "volume", source: name, target: "/data" }] as const;
      expect((await bench.output(["sh", "-c", "echo salt > /data/hold"], { mounts })).exitCode).toBe(0);
      expect((await bench.output(["cat", "/data/hold"], { mounts })).stdout).toBe("salt\n");
    });

    it("are not written where the mount is read-only", async () => {
      const name = bench.name("vol");
      await bench.runtime.volumes.create({ name, labels });
      const mounts = [{ type: "volume", source: name, target: "/data", readOnly: true }] as const;
      expect((await bench.output(["sh", "-c", "echo x > /data/f"], { mounts })).exitCode).not.toBe(0);
    });

    it("stay while a container uses them, running or not", async () => {
      const { volumes, containers } = bench.runtime;
      const name = bench.name("vol");
      await volumes.create({ name, labels });
      const id = await bench.create(["true"], {
        mounts: [{ type: "volume", source: name, target: "/data" }],
      });
      expect(await kindOf(volumes.remove(name))).toBe("conflict");
      await containers.remove(id, { volumes: true });
      await volumes.remove(name);
    });

    it("without a name are made with the container and go with it", async () => {
      const { volumes, containers } = bench.runtime;
      const id = await bench.create(["true"], { mounts: [{ type: "volume", target: "/data" }] });
      const [mount] = (await containers.inspect(id)).mounts;
      const name = mount?.name ?? "";
      expect(mount).toMatchObject({ type: "volume", target: "/data" });
      expect((await volumes.inspect(name)).isAnonymous).toBe(true);
      await containers.remove(id, { volumes: true });
      expect(await kindOf(volumes.inspect(name))).toBe("not-found");
    });

    it("of which only the place is said give way to what else is mounted there", async () => {
      const name = bench.name("vol");
      const id = await bench.create(["true"], {
        mounts: [
          { type: "volume", target: "/data" },
          { type: "volume", source: name, target: "/data" },
        ],
      });
      const { mounts, effective } = await bench.runtime.containers.inspect(id);
      expect(mounts.map((mount) => [mount.target, mount.name])).toEqual([["/data", name]]);
      expect(effective.volumes).toEqual(["/data"]);
    });

    it("are taken over from another container", async () => {
      const name = bench.name("vol");
      await bench.runtime.volumes.create({ name, labels });
      const donor = await bench.create(["true"], {
        mounts: [{ type: "volume", source: name, target: "/data" }],
      });
      await bench.output(["sh", "-c", "echo rope > /data/f"], { volumesFrom: [donor] });
      expect((await bench.output(["cat", "/data/f"], { volumesFrom: [`${donor}:ro`] })).stdout).toBe(
        "rope\n",
      );
    });

    it("of an unknown driver are refused, and so is a missing folder of the host", async () => {
      const unknown = { name: bench.name("vol"), driver: "no-such" };
      expect(await kindOf(bench.runtime.volumes.create(unknown))).toBe("not-found");
      const bind = { type: "bind", source: "/no/such/folder", target: "/x", createHostPath: false } as const;
      expect(await kindOf(bench.create(["true"], { mounts: [bind] }))).toBe("invalid");
    });
  });
}
