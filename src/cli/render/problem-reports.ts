import { relative } from "node:path";
import { pathToFileURL } from "node:url";
import { leadsOut } from "../../lib/leads-out.ts";
import type { Place, Problem } from "../../spec/index.ts";
import { type ProblemStyle, renderProblems } from "./problems.ts";

/** All problems as text, JSON (one array), SARIF 2.1.0 or GitHub workflow commands. */
export function reportProblems(problems: readonly Problem[], format: string, style: ProblemStyle): string {
  switch (format) {
    case "json":
      return `${JSON.stringify(problems, undefined, 2)}\n`;
    case "sarif":
      return `${JSON.stringify(sarif(problems, style.cwd), undefined, 2)}\n`;
    case "github":
      return problems.map((problem) => githubLine(problem, style.cwd)).join("");
    default:
      return renderProblems(problems, style);
  }
}

function messageOf({ message, hint }: Problem): string {
  return hint === undefined ? message : `${message}: ${hint}`;
}

function githubLine(problem: Problem, cwd: string): string {
  const { place, severity, rule } = problem;
  const properties = [
    ...(place === undefined
      ? []
      : [
          ["file", shownFile(place, cwd)],
          ["line", place.line],
          ["col", place.column],
        ]),
    ...(place?.endColumn === undefined ? [] : [["endColumn", place.endColumn]]),
    ["title", rule],
  ];
  const encoded = (text: string) =>
    text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const list = properties.map(([key, value]) => {
    return `${key}=${encoded(String(value)).replaceAll(":", "%3A").replaceAll(",", "%2C")}`;
  });
  return `::${severity} ${list.join(",")}::${encoded(messageOf(problem))}\n`;
}

function sarif(problems: readonly Problem[], cwd: string): unknown {
  const rules = [...new Set(problems.map((problem) => problem.rule))].sort();
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "stowage", rules: rules.map((id) => ({ id })) } },
        originalUriBaseIds: { SRCROOT: { uri: `${pathToFileURL(cwd).href}/` } },
        results: problems.map((problem) => ({
          ruleId: problem.rule,
          ruleIndex: rules.indexOf(problem.rule),
          level: problem.severity,
          message: { text: messageOf(problem) },
          ...(problem.place !== undefined && { locations: [location(problem.place, cwd)] }),
          ...(problem.related !== undefined && {
            relatedLocations: problem.related.map(({ place, message }) => ({
              ...location(place, cwd),
              message: { text: message },
            })),
          }),
        })),
      },
    ],
  };
}

function location(place: Place, cwd: string): object {
  const file = shownFile(place, cwd);
  const artifactLocation = file.startsWith("/")
    ? { uri: pathToFileURL(file).href }
    : { uri: file.split("/").map(encodeURIComponent).join("/"), uriBaseId: "SRCROOT" };
  return {
    physicalLocation: {
      artifactLocation,
      region: {
        startLine: place.line,
        startColumn: place.column,
        ...(place.endColumn !== undefined && { endColumn: place.endColumn }),
      },
    },
  };
}

function shownFile({ file }: Place, cwd: string): string {
  if (file === "-") return "stdin";
  const near = relative(cwd, file);
  return near === "" || leadsOut(near) ? file : near;
}
