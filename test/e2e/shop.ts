import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { CHECKOUT, type World } from "./world.ts";

/** What examples/shop is run with where no registry gives the official images. */
export const SHOP_FLAGS = "--env-file .env --env-file ../local-images.env";

export interface ShopPorts {
  readonly web: number;
  readonly db: number;
  readonly cache: number;
}

export async function prepareShop(world: World): Promise<ShopPorts> {
  execFileSync(join(world.stackDir, "get-driver.sh"), { stdio: "inherit" });
  execFileSync("cp", [join(CHECKOUT, "examples/local-images.env"), world.dir]);
  return {
    web: await world.givePort("WEB_PORT"),
    db: await world.givePort("DB_PORT"),
    cache: await world.givePort("CACHE_PORT"),
  };
}

export async function sql(world: World, port: number, statement: string): Promise<string[]> {
  const { code, stdout, stderr } = await world.command("mariadb", [
    ...["-h127.0.0.1", `-P${port}`, "-ushop", "-pshop-secret", "--connect-timeout=60"],
    ...["--batch", "--skip-column-names", "shop", "-e", statement],
  ]);
  if (code !== 0) throw new Error(stderr);
  return stdout.split("\n").filter(Boolean);
}

export async function redis(
  world: World,
  port: number,
  password: string,
  ...command: readonly string[]
): Promise<string> {
  const { stdout, stderr } = await world.command("redis-cli", ["-p", String(port), ...command], {
    env: { REDISCLI_AUTH: password },
  });
  return `${stdout}${stderr}`.trim();
}
