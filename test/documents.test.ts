import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";
import { EXIT } from "../src/cli/exit-codes.ts";

const CHECKOUT = resolve(import.meta.dirname, "..");
const documents = [
  ...readdirSync(CHECKOUT),
  ...["docs", "examples"].flatMap((folder) =>
    readdirSync(join(CHECKOUT, folder), { recursive: true, encoding: "utf8" }).map((name) =>
      join(folder, name),
    ),
  ),
].filter((name) => name.endsWith(".md") && !name.includes("node_modules"));

test("README's exit codes are those of the program", () => {
  const readme = readFileSync(join(CHECKOUT, "README.md"), "utf8");
  const listed = [...readme.matchAll(/^\| (\d+) \| /gm)].map(([, code]) => Number(code));
  expect(listed).toEqual(Object.values(EXIT));
});

test.each(documents)("the links and files that %s names are there", (name) => {
  const text = readFileSync(join(CHECKOUT, name), "utf8");
  const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, link]) =>
    resolve(CHECKOUT, dirname(name), link ?? ""),
  );
  const named = [
    ...text.matchAll(/`((?:src|test|scripts|docs|examples)\/[\w./-]+\.(?:ts|mjs|sh|md|env))`/g),
  ].map(([, path]) => resolve(CHECKOUT, path ?? ""));
  expect([...links, ...named].filter((path) => !existsSync(path))).toEqual([]);
});

test("the attacks that are listed have their tests", () => {
  const text = readFileSync(join(CHECKOUT, "docs/checklists/attacks.md"), "utf8");
  const rows = text.split("\n").filter((line) => /^\| (?!attack|fault)/.test(line));
  const untested = rows.filter((row) => {
    const [, path, title] = /`(test\/[^`]+)` "(.+)" \|$/.exec(row) ?? [];
    return path === undefined || !readFileSync(join(CHECKOUT, path), "utf8").includes(title ?? "");
  });
  expect(rows.length).toBeGreaterThan(40);
  expect(untested).toEqual([]);
});
