import { expect } from "vitest";
import { containerOf, eventually, expectNothingToDo, page, statesOf } from "./checks.ts";
import { scenario } from "./scenario.ts";
import { prepareShop, redis, SHOP_FLAGS, sql } from "./shop.ts";

const UP = SHOP_FLAGS;

scenario(
  "shop must come up in order, answer real clients, keep its data and go away without a trace",
  { files: "examples/shop", images: ["mariadb", "redis", "tomcat"] },
  async (world, step) => {
    const ports = await prepareShop(world);
    let visits = 0;
    const visit = () => {
      visits++;
      return page(world, ports.web);
    };
    await step("up waits until all of it is healthy", () => world.stowage(`${UP} up -d --wait`));

    await step("the job has run to its end, the rest runs", async () => {
      expect(await statesOf(world, UP)).toEqual([
        "shop-cache-1 running",
        "shop-db-1 running",
        "shop-migrate-1 exited",
        "shop-web-1 running",
      ]);
      expect((await containerOf(world, "migrate", UP)).ExitCode).toBe(0);
      expect((await containerOf(world, "web", UP)).Health).toBe("healthy");
    });
    await step("the page shows what the database has", async () => {
      const first = await visit();
      expect(first).toMatch(/cake.*5\.10/);
      expect(first).toContain("products from: database");
    });
    await step("the second time the cache answers", () =>
      // It keeps the list for ten seconds: who comes later begins anew.
      eventually("a page from the cache", async () => (await visit()).includes("products from: cache")),
    );
    await step("a MariaDB client reads over the published port", async () =>
      expect(await sql(world, ports.db, "SELECT name FROM product ORDER BY name")).toEqual([
        "cake",
        "coffee",
        "tea",
      ]),
    );
    await step("redis-cli counts the visits over the published port", async () => {
      expect(await redis(world, ports.cache, "cache-secret", "GET", "shop:visits")).toBe(String(visits));
      expect(await redis(world, ports.cache, "wrong", "PING")).toMatch(/WRONGPASS|NOAUTH/);
    });

    await step("a second up says there is nothing to do, and does nothing", async () => {
      const before = (await containerOf(world, "web", UP)).ID;
      expect((await world.stowage(`${UP} up -d`)).stderr).toMatch(/nothing to do/i);
      expect((await containerOf(world, "web", UP)).ID).toBe(before);
      await expectNothingToDo(world, UP);
    });

    await step("what is written outlives down and up", async () => {
      await sql(world, ports.db, "INSERT INTO product (name, cents, stock) VALUES ('scone', 275, 3)");
      await world.stowage(`${UP} down`);
      await world.stowage(`${UP} up -d --wait`);
      await eventually(
        "the page shows it, once the list that the cache kept over the restart has expired",
        async () => (await page(world, ports.web)).includes("scone"),
      );
    });

    await step("the database's process killed comes back with its data", async () => {
      const { stdout } = await world.stowage(`${UP} top db`);
      const pid = /^\S*\s+(\d+) .*mariadbd/m.exec(stdout)?.[1];
      expect(pid, stdout).toBeDefined();
      process.kill(Number(pid), "SIGKILL");
      await eventually("the database answers again", async () => {
        const found = await sql(world, ports.db, "SELECT name FROM product WHERE name = 'scone'");
        return found[0] === "scone";
      });
    });
    await step("down -v takes all of it away", () => world.stowage(`${UP} down -v`));
  },
);
