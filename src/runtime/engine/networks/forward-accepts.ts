import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Log } from "../../../lib/log.ts";
import type { Host } from "../host.ts";

/**
 * Another program's table may drop what ours accepts: dockerd and ufw set iptables' FORWARD policy to DROP. Where
 * such rules exist, ours are accepted there, by the prefix all our bridges share.
 */
export class ForwardAccepts {
  readonly #checkedAt = new Map<string, number>();
  readonly #host: Host;
  readonly #log: Log;

  constructor(host: Host, log: Log) {
    this.#host = host;
    this.#log = log;
  }

  /** `interfaceName`: exact, or a prefix ending in `+`. */
  async ensure(interfaceName: string): Promise<void> {
    const now = performance.now();
    if (now - (this.#checkedAt.get(interfaceName) ?? Number.NEGATIVE_INFINITY) < RECHECK_MS) return;
    this.#checkedAt.set(interfaceName, now);
    await Promise.all(PROGRAMS.map((program) => this.#ensureIn(program, interfaceName)));
  }

  async remove(interfaceName: string): Promise<void> {
    this.#checkedAt.delete(interfaceName);
    for (const program of PROGRAMS) {
      const present = (await this.#chain(program)) === undefined ? undefined : await forwardRules(program);
      for (const rule of rulesFor(interfaceName))
        if (present?.includes(`-A FORWARD ${rule.join(" ")}`))
          await this.#run(program, ["-D", "FORWARD", ...rule]);
    }
  }

  /** `shared`: what all our bridges are accepted by, maybe since a former life of the daemon. */
  async removeAll(shared: string): Promise<void> {
    for (const interfaceName of new Set([shared, ...this.#checkedAt.keys()]))
      await this.remove(interfaceName);
  }

  async #ensureIn(program: Program, interfaceName: string): Promise<void> {
    const chain = await this.#chain(program);
    if (chain === undefined || accepts(chain, interfaceName)) return;
    const present = await forwardRules(program);
    if (present === undefined || !mayDrop(present)) return;
    for (const rule of rulesFor(interfaceName))
      if (!present.includes(`-A FORWARD ${rule.join(" ")}`))
        await this.#run(program, ["-I", "FORWARD", ...rule]);
  }

  /**
   * The FORWARD chain as nft prints it; undefined when it drops nothing, empty when only iptables can tell. Starting
   * iptables to be told so costs more than all the rest of a new network.
   */
  async #chain(program: Program): Promise<string | undefined> {
    const { family, legacyTables } = PROGRAM_FACTS[program];
    if (readIfThere(legacyTables).split("\n").includes("filter")) return "";
    try {
      const chain = await this.#host.nft(`list chain ${family} filter FORWARD`);
      const mayDrop = chain.includes("policy drop") || /\b(jump|goto|drop|reject|xt target)\b/.test(chain);
      return mayDrop ? chain : undefined;
    } catch {
      return undefined;
    }
  }

  async #run(program: string, programArguments: readonly string[]): Promise<void> {
    const outcome = await run(program, ["-w", ...programArguments]);
    if (outcome === undefined)
      this.#log.warn("cannot change the machine's FORWARD rules", {
        program,
        rule: programArguments.join(" "),
      });
  }
}

/** A reload of another firewall removes our rules: look again, but not for each of many networks. */
const RECHECK_MS = 2000;
type Program = "iptables" | "ip6tables";

const PROGRAMS: readonly Program[] = ["iptables", "ip6tables"];
const PROGRAM_FACTS = {
  iptables: { family: "ip", legacyTables: "/proc/net/ip_tables_names" },
  ip6tables: { family: "ip6", legacyTables: "/proc/net/ip6_tables_names" },
} as const;

function rulesFor(interfaceName: string): readonly (readonly string[])[] {
  return [
    ["-i", interfaceName, "-j", "ACCEPT"],
    ["-o", interfaceName, "-j", "ACCEPT"],
  ];
}

/** Whether both rules are in a chain as nft prints it. */
function accepts(chain: string, interfaceName: string): boolean {
  const name = interfaceName.replace(/\+$/, "*");
  const rules = chain.split("\n").filter((line) => line.endsWith(" accept"));
  return ["iifname", "oifname"].every((side) =>
    rules.some((rule) => rule.trim().startsWith(`${side} "${name}" counter`)),
  );
}

/** Undefined without the program. */
async function forwardRules(program: string): Promise<readonly string[] | undefined> {
  return (await run(program, ["-w", "-S", "FORWARD"]))?.split("\n");
}

function mayDrop(rules: readonly string[]): boolean {
  return rules.some(
    (rule) => rule === "-P FORWARD DROP" || (rule.startsWith("-A") && !rule.endsWith("-j ACCEPT")),
  );
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function run(program: string, programArguments: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, programArguments, { timeout: 10_000 }, (error, output) =>
      resolve(error === null ? output : undefined),
    );
  });
}
