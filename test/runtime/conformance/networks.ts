import { describe, expect, it } from "vitest";
import { type Bench, kindOf, LABEL } from "./support.ts";

export function networksKeepTheContract(bench: Bench): void {
  const make = async (labels: Readonly<Record<string, string>> = {}) => {
    const name = bench.name("net");
    const { id } = await bench.runtime.networks.create({ name, labels: { [LABEL]: "", ...labels } });
    return { id, name };
  };

  describe("networks", () => {
    it("are made, found, listed by label, and removed", async () => {
      const { networks } = bench.runtime;
      const { id, name } = await make({ sea: "north" });
      expect(await networks.inspect(name)).toMatchObject({ id, name, driver: "bridge", internal: false });
      expect((await networks.inspect(id)).ipam.pools[0]?.subnet).toMatch(/^\d+\.\d+\.\d+\.\d+\/\d+$/);
      expect((await networks.list({ label: ["sea=north"] })).map((found) => found.id)).toEqual([id]);
      await networks.remove(name);
      expect(await kindOf(networks.inspect(name))).toBe("not-found");
      expect(await kindOf(networks.remove(name))).toBe("not-found");
    });

    it("do not share a name, and the predefined ones stay", async () => {
      const { networks } = bench.runtime;
      const { name } = await make();
      expect(await kindOf(networks.create({ name }))).toBe("already-exists");
      expect((await networks.list()).map((found) => found.name)).toEqual(
        expect.arrayContaining(["bridge", "host", "none"]),
      );
      expect(await kindOf(networks.remove("host"))).toBe("forbidden");
    });

    it("give a running container an address and its names", async () => {
      const { networks, containers } = bench.runtime;
      const { id, name } = await make();
      const container = await bench.create(["sleep", "1000"], {
        networkMode: name,
        networks: { [name]: { aliases: ["db", "store"] } },
      });
      const before = (await containers.inspect(container)).endpoints[name];
      expect(before?.networkId === undefined || before.networkId === "" || before.networkId === id).toBe(
        true,
      );
      await containers.start(container);
      const endpoint = (await containers.inspect(container)).endpoints[name];
      expect(endpoint).toMatchObject({ networkId: id });
      expect(endpoint?.ipAddress).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      expect(endpoint?.dnsNames).toEqual(expect.arrayContaining(["db", "store"]));
      const [member] = (await networks.inspect(id)).members;
      expect(member).toMatchObject({ containerId: container });
      expect(member?.ipv4Address).toContain(endpoint?.ipAddress);
      const [summary] = await containers.list({ filters: { network: [name] } });
      expect(summary?.endpoints[name]?.networkId).toBe(id);
    });

    it("take up a container and let it go while it runs", async () => {
      const { networks, containers } = bench.runtime;
      const first = await make();
      const second = await make();
      const container = await bench.run(["sleep", "1000"], { networkMode: first.name });
      await networks.connect(second.name, container, { aliases: ["late"] });
      expect(Object.keys((await containers.inspect(container)).endpoints).sort()).toEqual(
        [first.name, second.name].sort(),
      );
      expect(await kindOf(networks.connect(second.name, container))).toBe("forbidden");
      await networks.disconnect(second.name, container);
      expect(Object.keys((await containers.inspect(container)).endpoints)).toEqual([first.name]);
    });

    it("are not removed under a running container", async () => {
      const { networks, containers } = bench.runtime;
      const { name } = await make();
      const container = await bench.run(["sleep", "1000"], { networkMode: name });
      expect(await kindOf(networks.remove(name))).toBe("forbidden");
      await containers.remove(container, { force: true });
      await networks.remove(name);
    });

    it("publish a port that no second container can have", async () => {
      const { containers } = bench.runtime;
      const ports = [{ containerPort: 80, protocol: "tcp", hostIp: "127.0.0.1", hostPort: 27_871 }] as const;
      const first = await bench.run(["sleep", "1000"], { ports });
      expect((await containers.inspect(first)).ports).toContainEqual({
        containerPort: 80,
        protocol: "tcp",
        hostIp: "127.0.0.1",
        hostPort: 27_871,
      });
      const second = await bench
        .create(["sleep", "1000"], { ports })
        .then((id) => containers.start(id))
        .catch((error: Error) => error);
      expect(second).toMatchObject({ name: "RuntimeError" });
      await containers.remove(first, { force: true });
    });

    it("are joined by way of another container", async () => {
      const { containers } = bench.runtime;
      const { name } = await make();
      const owner = await bench.run(["sleep", "1000"], { networkMode: name });
      const guest = await bench.run(["sleep", "1000"], { networkMode: `container:${owner}` });
      const info = await containers.inspect(guest);
      expect(info.networkMode).toBe(`container:${owner}`);
      expect(info.state.status).toBe("running");
    });

    it("must exist when a container wants them", async () => {
      const wanted = bench
        .create(["true"], { networkMode: "no-such-network" })
        .then((id) => bench.runtime.containers.start(id));
      expect(await kindOf(wanted)).toBe("not-found");
    });
  });
}
