import { lstatSync } from "node:fs";

/** Top-level folders a program needs to start: real folders are bound, links (merged /usr) copied. */
const PROGRAM_DIRS = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] as const;

let script: string | undefined;

/**
 * The command line that runs a program in a mount namespace of its own, whose root holds the machine's programs
 * (read-only) and the target, and nothing else. `jailDir` is any empty folder. Without root the command runs as
 * it is: it then can harm only what the user could.
 */
export function jailed(
  jailDir: string,
  targetDir: string,
  command: (targetDir: string) => readonly string[],
): readonly string[] {
  if (process.getuid?.() !== 0) return command(targetDir);
  script ??= jailScript();
  return ["unshare", "--mount", "sh", "-ec", script, "sh", jailDir, targetDir, ...command("/target")];
}

function jailScript(): string {
  const kindOf = (dir: string) => lstatSync(dir, { throwIfNoEntry: false });
  const folders = PROGRAM_DIRS.filter((dir) => kindOf(dir)?.isDirectory());
  const links = PROGRAM_DIRS.filter((dir) => kindOf(dir)?.isSymbolicLink());
  return [
    "jail=$1 target=$2; shift 2",
    'mount -t tmpfs -o mode=0700 stowage-jail "$jail"',
    `mkdir ${["/target", ...folders].map((dir) => `"$jail${dir}"`).join(" ")}`,
    ...folders.map((dir) => `mount -o bind,ro ${dir} "$jail${dir}"`),
    ...(links.length === 0 ? [] : [`cp -P ${links.join(" ")} "$jail"`]),
    'mount --bind "$target" "$jail/target"',
    'exec chroot "$jail" "$@"',
  ].join("\n");
}
