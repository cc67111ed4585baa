import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { readFileIfThere, writeFileAtomically } from "../../../lib/atomic-file.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { Host } from "../host.ts";
import type { Element } from "./firewall.ts";
import type { InterfaceNames } from "./interface-names.ts";
import type { NftTable } from "./nft-table.ts";

export interface ForwardingOptions {
  readonly layout: DiskLayout;
  readonly host: Host;
  readonly table: NftTable;
  readonly names: InterfaceNames;
}

type Family = "ipv4" | "ipv6";

/** Interfaces that did not forward to each other before we made the machine forward, by family. */
type Strangers = Readonly<Partial<Record<Family, readonly string[]>>>;

const SWITCHES = { ipv4: "net/ipv4/ip_forward", ipv6: "net/ipv6/conf/all/forwarding" } as const;
const OURS = /^st[wv][0-9a-f]{6}/;

/**
 * A machine that did not forward becomes a router by our doing. What it had at that time still passes nothing on to
 * one another, and what comes later (another engine, a VPN) is left to its own rules.
 */
export class Forwarding {
  readonly #options: ForwardingOptions;

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  /** Asked for again at each bridge: another daemon that went away may have turned it off. */
  async ensure(families: readonly Family[]): Promise<void> {
    for (const family of families) if (readSwitch(SWITCHES[family]) === "0") await this.#turnOn(family);
  }

  /** For a whole load of the table. */
  async elements(): Promise<readonly Element[]> {
    return elementsOf(await this.#strangers());
  }

  /** Back to how it was, unless somebody has come to rely on it. */
  async restore(): Promise<void> {
    const { host, layout, names } = this.#options;
    const strangers = await this.#strangers();
    // Ends of our own may linger: the kernel takes namespaces apart in its own time.
    const present = (await host.linkNames()).filter((name) => name !== "lo" && !names.isOurs(name));
    for (const family of ["ipv4", "ipv6"] as const) {
      const before = strangers[family];
      if (before === undefined || !present.every((name) => before.includes(name))) continue;
      await host.sysctl({ [SWITCHES[family]]: "0" });
    }
    await rm(layout.strangersPath, { force: true });
  }

  async #turnOn(family: Family): Promise<void> {
    const { host, layout, table } = this.#options;
    const names = (await host.linkNames()).filter((name) => name !== "lo" && !OURS.test(name));
    const strangers = { ...(await this.#strangers()), [family]: names };
    await writeFileAtomically(layout.strangersPath, JSON.stringify(strangers), { isDurable: false });
    await table.add(elementsOf({ [family]: names }));
    if (family === "ipv6") await this.#keepRouterAdvertisements(names);
    await host.sysctl({ [SWITCHES[family]]: "1" });
  }

  /** A forwarding machine ignores its own router unless told to listen (2): it would lose its IPv6 default route. */
  async #keepRouterAdvertisements(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const path = `net/ipv6/conf/${name}/accept_ra`;
      if (readSwitch(path) === "1") await this.#options.host.sysctl({ [path]: "2" });
    }
  }

  async #strangers(): Promise<Strangers> {
    const text = await readFileIfThere(this.#options.layout.strangersPath);
    return text === undefined ? {} : (JSON.parse(text) as Strangers);
  }
}

function elementsOf({ ipv4 = [], ipv6 = [] }: Strangers): readonly Element[] {
  return [
    ...ipv4.map((name): Element => ({ set: "strangers4", key: `"${name}"` })),
    ...ipv6.map((name): Element => ({ set: "strangers6", key: `"${name}"` })),
  ];
}

function readSwitch(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, "utf8").trim();
  } catch {
    return undefined;
  }
}
