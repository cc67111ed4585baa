/** Flags of mount(2) by the names mount(8) gives them; `false` clears. */
const FLAGS: Readonly<Record<string, readonly [flag: number, isSet: boolean]>> = {
  ro: [1, true],
  rw: [1, false],
  nosuid: [2, true],
  suid: [2, false],
  nodev: [4, true],
  dev: [4, false],
  noexec: [8, true],
  exec: [8, false],
  sync: [16, true],
  async: [16, false],
  remount: [32, true],
  mand: [64, true],
  nomand: [64, false],
  dirsync: [128, true],
  nosymfollow: [256, true],
  noatime: [1024, true],
  atime: [1024, false],
  nodiratime: [2048, true],
  diratime: [2048, false],
  bind: [4096, true],
  rbind: [4096 | 16384, true],
  relatime: [1 << 21, true],
  norelatime: [1 << 21, false],
  strictatime: [1 << 24, true],
  nostrictatime: [1 << 24, false],
  lazytime: [1 << 25, true],
  defaults: [0, true],
};

/** A comma list as mount(8) takes it after `-o`, parted into flags and what the file system itself reads. */
export function parseMountOptions(text: string): { readonly flags: number; readonly data: string } {
  let flags = 0;
  const data: string[] = [];
  for (const option of text.split(",").filter((part) => part !== "")) {
    const known = FLAGS[option];
    if (known === undefined) data.push(option);
    else flags = known[1] ? flags | known[0] : flags & ~known[0];
  }
  return { flags, data: data.join(",") };
}
