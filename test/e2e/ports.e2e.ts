import { createSocket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { expect } from "vitest";
import { eventually, page } from "./checks.ts";
import { scenario } from "./scenario.ts";

scenario(
  "published ports must answer where they are published, and only there",
  { files: "test/e2e/ports", images: ["busybox", "debian"] },
  async (world, step) => {
    const all = await world.givePort("ALL_PORT");
    const loopback = await world.givePort("LOOPBACK_PORT");
    const long = await world.givePort("LONG_PORT");
    const udp = await world.givePort("UDP_PORT");
    const start = await world.givePort("RANGE_START", 5);
    world.env["RANGE_END"] = String(start + 4);
    await step("up", () => world.stowage("up -d"));

    await step("the servers answer to themselves", async () => {
      for (const replica of ["web", "--index 1 many", "--index 2 many"])
        await eventually(`the page of ${replica}`, async () => {
          const { code } = await world.attempt(`exec -T ${replica} wget -qO- http://127.0.0.1/`);
          return code === 0;
        });
    });
    await step("on loopback", async () => {
      for (const port of [all, loopback, long]) expect(await page(world, port)).toBe("web\n");
    });
    await step("a random one is told", async () => {
      const [address = ""] = (await world.stowage("port web 80")).stdout.trim().split("\n");
      expect(await page(world, Number(address.split(":").at(-1)))).toBe("web\n");
    });
    await step("on this machine's other addresses, unless it is published on loopback alone", async () => {
      const address = externalAddress();
      if (address === undefined) return;
      const get = async (port: number) =>
        (await world.command("curl", ["-sS", "--max-time", "30", `http://${address}:${port}/`])).stdout;
      expect(await get(all)).toBe("web\n");
      expect(await get(loopback)).toBe("");
    });
    await step("by IPv6", async () =>
      expect((await world.command("curl", ["-sS", "--max-time", "30", `http://[::1]:${all}/`])).stdout).toBe(
        "web\n",
      ),
    );
    await step("replicas take ports of a range, each its own", async () => {
      const found = new Set<string>();
      for (let port = start; port <= start + 4; port++) {
        const { code, stdout } = await world.command("curl", [
          "-sS",
          "--max-time",
          "30",
          `http://127.0.0.1:${port}/`,
        ]);
        if (code === 0) found.add(stdout);
      }
      expect(found.size).toBe(2);
    });
    await step("datagrams", () => eventually("an echo", () => echo(udp)));
    await step("from inside, by the published address", async () =>
      expect(
        (
          await world.stowage(
            `exec -T many sh -c 'timeout 60 wget -qO- http://$(ip route | sed -n s/^default.via.//p | cut -d" " -f1):${all}/'`,
          )
        ).stdout,
      ).toBe("web\n"),
    );
    await step("down frees them", async () => {
      await world.stowage("down -t 1");
      for (const port of [all, loopback, long]) await expect(page(world, port)).rejects.toThrow();
    });
  },
);

function externalAddress(): string | undefined {
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    /^(docker|br-|stw|exbr|veth)/.test(name) ? [] : (list ?? []),
  );
  return addresses.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}

function echo(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = createSocket("udp4");
    const end = (answer: boolean) => {
      clearTimeout(timer);
      socket.close();
      done(answer);
    };
    const timer = setTimeout(() => end(false), 1000);
    socket.on("message", (message) => end(message.toString() === "ping"));
    socket.send("ping", port, "127.0.0.1");
  });
}
