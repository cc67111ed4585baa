import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folderOf, isGitAddress, parseGitAddress } from "../../src/lib/git-checkout.ts";

describe("a git address", () => {
  it.each([
    ["https://example.org/a/b.git", "https://example.org/a/b.git", "", ""],
    ["https://u:p@example.org:8443/b.git#main", "https://u:p@example.org:8443/b.git", "main", ""],
    ["git://example.org/b#v1.2:sub/dir", "git://example.org/b", "v1.2", "sub/dir"],
    ["ssh://git@example.org/b.git#:sub", "ssh://git@example.org/b.git", "", "sub"],
    ["git@example.org:a/b.git#feature/x", "git@example.org:a/b.git", "feature/x", ""],
    ["github.com/a/b#dev", "https://github.com/a/b", "dev", ""],
  ])("%s is taken apart", (address, url, ref, folder) => {
    expect(isGitAddress(address)).toBe(true);
    expect(parseGitAddress(address)).toEqual({ url, ref, folder });
  });

  it.each([
    ["./folder"],
    ["/srv/b.git"],
    ["file:///srv/b.git"],
    ["ext::sh -c id.git"],
    ["-oProxyCommand=x@h:b.git"],
    ["--upload-pack=x"],
    ["https://example.org/context.tar.gz"],
    ["https://example.org/x?file=a.git"],
  ])("%s is none", (address) => {
    expect(isGitAddress(address)).toBe(false);
    expect(() => parseGitAddress(address)).toThrow("is no address of a repository");
  });

  it.each([
    ["ssh://-oProxyCommand=x/b.git", "is no address of a repository"],
    ["git@-oProxyCommand=x:b.git", "is no address of a repository"],
    ["https://example.org/b.git#--upload-pack=x", "is no name of a branch"],
    ["https://example.org/b.git#+refs/heads/*", "is no name of a branch"],
    ["https://u:secret@-h/b.git", '"https://u:xxxxx@-h/b.git" is no address'],
  ])("%s is refused", (address, why) => {
    expect(() => parseGitAddress(address)).toThrow(why);
  });
});

it("a folder of a repository may begin with two dots, but lies inside wherever its links lead", async () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "stowage-folder-")));
  try {
    mkdirSync(join(dir, "..data"));
    symlinkSync("..", join(dir, "out"));
    expect(await folderOf(dir, "..data")).toBe(join(dir, "..data"));
    for (const folder of ["out", "..", "../.."])
      await expect(folderOf(dir, folder)).rejects.toThrow(`the repository has no folder "${folder}"`);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
