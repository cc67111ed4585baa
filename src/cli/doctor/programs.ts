import { join } from "node:path";
import { compareVersions } from "../../lib/compare-versions.ts";
import { type Check, type DoctorContext, type Finding, run, textOf, versionIn } from "./check.ts";

interface Program {
  readonly name: string;
  /** As Debian names it. */
  readonly package: string;
  readonly purpose: string;
  readonly isOptional?: boolean;
  readonly versionArgs?: readonly string[];
}

const PROGRAMS: readonly Program[] = [
  { name: "conmon", package: "conmon", purpose: "watches each container" },
  { name: "nft", package: "nftables", purpose: "publishes ports" },
  { name: "ip", package: "iproute2", purpose: "makes networks", versionArgs: ["-V"] },
  { name: "tar", package: "tar", purpose: "unpacks images" },
  { name: "flock", package: "util-linux", purpose: "keeps a second daemon away" },
  { name: "tini", package: "tini", purpose: "init: true", isOptional: true },
  { name: "igzip", package: "isal", purpose: "unpacks images faster", isOptional: true },
];

/** The programs that the engine starts. */
export const checkPrograms: Check = async (context) =>
  Promise.all(PROGRAMS.map((program) => look(program, context)));

async function look(program: Program, { installer }: DoctorContext): Promise<Finding> {
  const { name, purpose } = program;
  const base = { id: `program/${name}`, title: name };
  const found = await versionOf(program);
  if (found !== undefined) return { ...base, status: "ok", found };
  return {
    ...base,
    status: program.isOptional === true ? "warning" : "error",
    found: "missing",
    problem: `${name} ${purpose}`,
    fix: installer.command(program.package),
  };
}

/** Its version; undefined when it is not there. */
async function versionOf({ name, versionArgs = ["--version"] }: Program): Promise<string | undefined> {
  const { code, stdout, stderr } = await run(name, versionArgs);
  return code === 127 ? undefined : (versionIn(stdout || stderr) ?? "there");
}

/** Holes of runc that an image can use against the host, with the releases that closed them. */
const RUNC_HOLES = [
  { names: "CVE-2024-21626", fixed: ["1.1.12"] },
  { names: "CVE-2024-45310", fixed: ["1.1.14"] },
  { names: "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881", fixed: ["1.2.8", "1.3.3"] },
  { names: "CVE-2026-41579", fixed: ["1.3.6", "1.4.3", "1.5.0"] },
] as const;

/** The OCI runtime: crun where it works, else runc. */
export const checkOciRuntime: Check = async ({ installer, paths }) => {
  const [crun, runc, distribution, choice] = await Promise.all([
    run("crun", ["--version"]),
    run("runc", ["--version"]),
    run("dpkg-query", ["--status", "runc"]),
    textOf(join(paths.runDir, "oci-runtime.json")),
  ]);
  const names = [
    ...(crun.code === 0 ? [`crun ${versionIn(crun.stdout)}`] : []),
    ...(runc.code === 0 ? [`runc ${versionIn(runc.stdout)}`] : []),
  ];
  const base = { id: "oci-runtime", title: "OCI runtime" };
  if (names.length === 0) {
    return [
      {
        ...base,
        status: "error",
        found: "neither crun nor runc",
        problem: "nothing can start a container",
        fix: installer.command("runc"),
      },
    ];
  }
  const found = names.join(", ");
  // A daemon that ran before has written down what it found to work.
  const chosen = /\/(crun|runc)@/.exec(choice)?.[1] ?? (crun.code === 0 ? "crun" : "runc");
  const version = chosen === "runc" && runc.code === 0 ? versionIn(runc.stdout) : undefined;
  const open = version === undefined ? [] : RUNC_HOLES.filter(({ fixed }) => isOpen(version, fixed));
  if (open.length === 0) return [{ ...base, status: "ok", found }];
  const packageVersion = /^Version: (.*)$/m.exec(distribution.stdout)?.[1];
  const packaged =
    packageVersion === undefined
      ? ""
      : `; the installed package is ${packageVersion}, which may have fixes of its own`;
  return [
    {
      ...base,
      status: "warning",
      found,
      problem: `this release of runc is from before the fixes for ${open.map(({ names: ids }) => ids).join(", ")}${packaged}: run only images you trust`,
      fix: installer.command(crun.code === 0 ? "runc" : "crun"),
    },
  ];
};

/** Fixed in the release's own line, or in the first line that is newer than all that got a fix. */
function isOpen(version: string, fixed: readonly string[]): boolean {
  const line = version.split(".").slice(0, 2).join(".");
  const own = fixed.find((release) => release.startsWith(`${line}.`));
  return compareVersions(version, own ?? fixed.at(-1) ?? version) < 0;
}
