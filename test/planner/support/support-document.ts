import { SUPPORT, type SupportRow } from "../../../src/planner/support.ts";
import { SAMPLES } from "./samples.ts";

const SECTIONS: readonly (readonly [title: string, prefix: string])[] = [
  ["The file", ""],
  ["Services", "services.*."],
  ["Services: build", "services.*.build."],
  ["Services: deploy", "services.*.deploy."],
  ["Services: develop", "services.*.develop."],
  ["Networks", "networks.*."],
  ["Volumes", "volumes.*."],
  ["Configs", "configs.*."],
  ["Secrets", "secrets.*."],
  ["Models", "models.*."],
];

const SIGNS: Readonly<Record<SupportRow["effect"], string>> = {
  refused: "refused",
  ignored: "no effect, said so",
  kept: "kept",
  differs: "yes",
};

/** docs/compose-support.md, from the table in src/planner/support.ts. */
export function supportDocument(paths: readonly string[]): string {
  const lines = [
    "# What becomes of each Compose attribute",
    "",
    "Made from `src/planner/support.ts`, do not edit: `UPDATE=1 npx vitest run --project unit test/planner/compose-support`.",
    "For every key a test (`test/planner/compose-support.test.ts`) plans two stacks that differ by it alone, and fails when",
    "this page is wrong. What an attribute does inside a container is tested by `test/e2e/attributes.e2e.ts` and its neighbours.",
    "",
    "- **yes**: it takes effect.",
    "- **refused**: `up` says where it stands and why, and changes nothing.",
    "- **no effect, said so**: `up` warns, naming the place, and goes on.",
    "- **kept**: it tells people or other tools something; there is nothing to be done.",
    "",
    "What an engine lacks (a GPU, a storage driver with quotas) it refuses itself when the container is made.",
  ];
  for (const [title, prefix] of SECTIONS) {
    const keys = paths.filter((path) => sectionOf(path) === prefix);
    lines.push("", `## ${title}`, "", "| key | support | |", "|---|---|---|");
    for (const path of keys) lines.push(...rowsFor(path, prefix));
  }
  return `${lines.join("\n")}\n`;
}

function sectionOf(path: string): string {
  const found = SECTIONS.map(([, prefix]) => prefix).filter((prefix) => path.startsWith(prefix));
  return found.reduce((longest, prefix) => (prefix.length > longest.length ? prefix : longest), "");
}

function rowsFor(path: string, prefix: string): readonly string[] {
  const name = `\`${path.slice(prefix.length)}\``;
  const rows = SUPPORT.filter((row) => row.path === path);
  const inherited = SUPPORT.find(
    (row) => path.startsWith(`${row.path}.`) || path.startsWith(`${row.path}[]`),
  );
  if (rows.length === 0) return inherited === undefined ? [`| ${name} | yes | ${readerOf(path)} |`] : [];
  const isWhole =
    rows.some(({ when }) => when === undefined) ||
    rows.every(({ effect }) => effect !== "refused" && effect !== "ignored");
  const first = isWhole || isNegated(rows) ? [] : [`| ${name} | yes | |`];
  return [
    ...first,
    ...rows.map(({ effect, why, values }, index) => {
      const cell = first.length === 0 && index === 0 ? name : "";
      return `| ${cell} | ${SIGNS[effect]} | ${values === undefined ? "" : `${values}: `}${why} |`;
    }),
  ];
}

/** Between them the rows say something of every value. */
function isNegated(rows: readonly SupportRow[]): boolean {
  return rows.length > 1 && rows.some(({ values = "" }) => values.startsWith("other than"));
}

function readerOf(path: string): string {
  const sample = SAMPLES.find((one) => one.path === path);
  if (sample?.more.reader?.includes("watch") === true) return "by `watch`";
  if (sample?.more.reader?.includes("attached-up") === true) return "by `up` in the foreground";
  return path === "version" ? "a warning says that it means nothing any more" : "";
}
