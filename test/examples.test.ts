import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const CHECKOUT = resolve(import.meta.dirname, "..");
const scenarios = readdirSync(join(CHECKOUT, "test/e2e"))
  .filter((name) => name.endsWith(".e2e.ts"))
  .map((name) => readFileSync(join(CHECKOUT, "test/e2e", name), "utf8"))
  .join("\n");

test.each(foldersOf("examples"))("example %s has a README and a scenario that runs it", (name) => {
  expect(readdirSync(join(CHECKOUT, "examples", name))).toEqual(
    expect.arrayContaining(["README.md", "compose.yaml"]),
  );
  expect(scenarios).toContain(`"examples/${name}"`);
});

test.each(foldersOf("test/e2e").filter((name) => name !== "faults"))(
  "the files of test/e2e/%s have a scenario",
  (name) => expect(scenarios).toContain(`"test/e2e/${name}"`),
);

test.each(foldersOf("test/e2e/faults"))("the fault %s has a scenario", (name) =>
  expect(scenarios).toMatch(new RegExp(`"test/e2e/faults/${name}"|\\[\\s*"${name}",`)),
);

function foldersOf(path: string): string[] {
  return readdirSync(join(CHECKOUT, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}
