import { arch } from "node:process";
import { RuntimeError } from "../../index.ts";

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

const NODE_TO_OCI: Readonly<Record<string, string>> = {
  x64: "amd64",
  ia32: "386",
  arm64: "arm64",
  arm: "arm",
};
const ALIASES: Readonly<Record<string, Platform>> = {
  x86_64: { os: "linux", architecture: "amd64" },
  "x86-64": { os: "linux", architecture: "amd64" },
  i386: { os: "linux", architecture: "386" },
  i686: { os: "linux", architecture: "386" },
  aarch64: { os: "linux", architecture: "arm64" },
  armhf: { os: "linux", architecture: "arm", variant: "v7" },
  armel: { os: "linux", architecture: "arm", variant: "v6" },
};
/** What an architecture without a variant means. */
const DEFAULT_VARIANT: Readonly<Record<string, string>> = { arm64: "v8", arm: "v7" };
const SYSTEMS = new Set(["linux", "windows", "darwin", "freebsd", "wasi"]);
/** Go's, which images are named after: a word alone has to be one of these or a system. */
const ARCHITECTURES = new Set(
  "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm".split(" "),
);

export function machinePlatform(): Platform {
  return { os: "linux", architecture: NODE_TO_OCI[arch] ?? arch };
}

/** `os/arch[/variant]`, `os` or `arch`; `invalid` otherwise. */
export function parsePlatform(text: string): Platform {
  const parts = text.split("/");
  const isWellFormed = parts.length <= 3 && parts.every((part) => /^[A-Za-z0-9_.-]+$/.test(part));
  if (!isWellFormed)
    throw new RuntimeError("invalid", `"${text}" is an invalid platform: it is not os/arch[/variant]`);
  const [first = "", second, variant] = parts.map((part) => part.toLowerCase());
  if (second === undefined) {
    if (SYSTEMS.has(first)) return { ...machinePlatform(), os: first };
    const alone = ALIASES[first];
    if (alone !== undefined) return alone;
    if (ARCHITECTURES.has(first)) return { os: "linux", architecture: first };
    throw new RuntimeError(
      "invalid",
      `"${text}": unknown operating system or architecture: invalid argument`,
    );
  }
  const alias = ALIASES[second];
  const architecture = alias?.architecture ?? second;
  const chosen = variant ?? alias?.variant;
  return { os: first, architecture, ...(chosen === undefined ? {} : { variant: chosen }) };
}

export function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}

export function variantOf({ architecture, variant }: Platform): string | undefined {
  return variant || DEFAULT_VARIANT[architecture];
}

/** How well an offered platform serves the wanted one: 0 not at all, higher is better. */
export function platformScore(wanted: Platform, offered: Platform): number {
  if (wanted.os !== offered.os || wanted.architecture !== offered.architecture) return 0;
  const [want, offer] = [variantOf(wanted), variantOf(offered)];
  if (want === offer) return 100;
  if (want === undefined || offer === undefined) return 50;
  // An older variant runs on a newer machine, never the other way round.
  const [wantNumber, offerNumber] = [Number(want.slice(1)), Number(offer.slice(1))];
  return offerNumber < wantNumber ? offerNumber : 0;
}

/** What a machine runs besides its own, as containerd has it. */
const RUNS_TOO: Readonly<Record<string, Platform>> = {
  amd64: { os: "linux", architecture: "386" },
  arm64: { os: "linux", architecture: "arm", variant: "v8" },
};

/** How well a machine runs what is offered when nobody asked for a platform: its own always comes first. */
export function machineScore(machine: Platform, offered: Platform): number {
  const other = RUNS_TOO[machine.architecture];
  return platformScore(machine, offered) || (other === undefined ? 0 : platformScore(other, offered) / 1000);
}
