import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extract } from "tar-stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildContext } from "../../src/daemon/build-context.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "stw-context-"));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(dir, path, ".."), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
}

/** Entries in the order they came: `name`, `name=text`, `name->target`; long texts by their length. */
async function packed(dockerfile = "Dockerfile"): Promise<readonly string[]> {
  const entries: string[] = [];
  const reader = (await buildContext({ context: join(dir, "app"), dockerfile })).pipe(extract());
  for await (const entry of reader) {
    const { name, type, linkname } = entry.header;
    let text = "";
    for await (const chunk of entry) text += String(chunk);
    if (type === "file") entries.push(`${name}=${text.length > 100 ? text.length : text}`);
    else entries.push(type === "symlink" ? `${name}->${linkname}` : name);
  }
  return entries;
}

describe("a build context", () => {
  it("has all in order, folders first, long files and links as they are", async () => {
    const many = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`app/m/${index + 10}`, `${index}`]),
    );
    write({ "app/Dockerfile": "FROM x", "app/long": "l".repeat(300_000), ...many });
    symlinkSync("../elsewhere", join(dir, "app/link"));
    expect(await packed()).toEqual([
      "Dockerfile=FROM x",
      "link->../elsewhere",
      "long=300000",
      "m/",
      ...Array.from({ length: 30 }, (_, index) => `m/${index + 10}=${index}`),
    ]);
  });

  it("lacks what .dockerignore excludes, but for its exceptions and the Dockerfile", async () => {
    write({
      "app/.dockerignore": "node_modules\ndocs\n!docs/kept\nDockerfile\n",
      "app/Dockerfile": "FROM x",
      "app/docs/kept": "k",
      "app/docs/other": "o",
      "app/node_modules/a": "a",
    });
    expect(await packed()).toEqual([
      ".dockerignore=node_modules\ndocs\n!docs/kept\nDockerfile\n",
      "Dockerfile=FROM x",
      "docs/kept=k",
    ]);
  });

  it("has a Dockerfile from outside its folder under that one's path", async () => {
    write({ "app/a": "a", "other.Dockerfile": "FROM y" });
    const outside = join(dir, "other.Dockerfile");
    expect(await packed(outside)).toEqual(["a=a", `${outside.slice(1)}=FROM y`]);
  });

  it("fails when a folder cannot be packed", async () => {
    write({ app: "no folder" });
    await expect(packed()).rejects.toThrow("is not a folder");
  });
});
