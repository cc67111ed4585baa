import { readdirSync } from "node:fs";
import { expect } from "vitest";
import { eventually } from "./checks.ts";
import { scenario } from "./scenario.ts";

scenario(
  "services must reach each other by name where they share a network, and nowhere else",
  { files: "test/e2e/networks", images: ["busybox"] },
  async (world, step) => {
    const inside = async (service: string, script: string) => {
      const { code, stdout } = await world.attempt(`exec -T ${service} sh -c '${script}'`);
      return { code, stdout };
    };
    await step("up", () => world.stowage("up -d"));
    await step("the servers answer to themselves", async () => {
      for (const service of ["front", "back"])
        await eventually(`the page of ${service}`, async () => {
          const { stdout } = await inside(service, "wget -qO- http://127.0.0.1/");
          return stdout === `${service}-host\n`;
        });
    });
    await step("by service, container, alias and hostname", async () => {
      for (const name of ["front", "networks-front-1", "face"]) {
        expect(await inside("both", `timeout 60 wget -qO- http://${name}/`)).toEqual({
          code: 0,
          stdout: "front-host\n",
        });
      }
      expect((await inside("front", "hostname")).stdout).toBe("front-host\n");
    });
    await step("not across networks, neither by name nor by address", async () => {
      expect((await inside("front", "timeout 3 wget -qO- http://back/")).code).not.toBe(0);
      expect((await inside("front", "timeout 3 wget -qO- http://10.123.77.10/")).code).not.toBe(0);
    });
    await step("a fixed address is the container's", async () =>
      expect(await inside("both", "timeout 60 wget -qO- http://10.123.77.10/")).toEqual({
        code: 0,
        stdout: "back-host\n",
      }),
    );
    await step("replicas share their service's name", async () => {
      const { stdout } = await inside("both", "nslookup -type=a many | grep -c ^Address: || true");
      // One of the addresses is the resolver's own.
      expect(Number(stdout)).toBeGreaterThanOrEqual(3);
    });
    await step("extra_hosts are known", async () =>
      expect((await inside("front", "grep elsewhere /etc/hosts")).stdout).toMatch(
        /^203\.0\.113\.9\s+elsewhere/,
      ),
    );
    await step("network_mode service: shares the other's interfaces", async () =>
      expect((await inside("beside", "timeout 60 wget -qO- http://127.0.0.1/")).stdout).toBe("front-host\n"),
    );
    await step("network_mode none has loopback only, host has this machine's", async () => {
      expect((await inside("alone", "ls /sys/class/net")).stdout).toBe("lo\n");
      const ours = readdirSync("/sys/class/net").filter((name) => !/^(veth|stw|br-)/.test(name));
      const theirs = (await inside("host", "ls /sys/class/net")).stdout.split("\n");
      expect(theirs).toEqual(expect.arrayContaining(ours));
    });
    await step("an internal network leads nowhere else", async () =>
      expect((await inside("back", "ip route | grep -c default || true")).stdout).toBe("0\n"),
    );
    await step("down", () => world.stowage("down -v -t 1"));
  },
);
