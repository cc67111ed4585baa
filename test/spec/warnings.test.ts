// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are Compose's.
import { describe, expect, it } from "vitest";
import type { LoadOptions } from "../../src/spec/index.ts";
import { load } from "./memory-disk.ts";

/** `file:line:column rule` of every warning. */
async function warningsOf(
  files: Readonly<Record<string, string>>,
  options: Partial<LoadOptions> = {},
): Promise<readonly string[]> {
  const { stack, problems } = await load(files, options);
  expect(stack).toBeDefined();
  return problems.map(
    ({ place, rule }) => `${place?.file.split("/").at(-1)}:${place?.line}:${place?.column} ${rule}`,
  );
}

const web = (rest: string) => `services:\n  web:\n    image: app:1\n${rest}`;

describe("a warning that saves people", () => {
  it("stands at the port of a second file that takes one of the host that is taken", async () => {
    const files = {
      "/app/compose.yaml": web('    ports: ["8080:80"]\n'),
      "/app/compose.override.yaml": 'services:\n  web:\n    ports: ["8080:81"]\n',
    };
    expect(await warningsOf(files)).toEqual(["compose.override.yaml:3:13 check/port-twice"]);
  });

  it("stands at the port of a second file that was meant to move one, and not where one file says both", async () => {
    const files = {
      "/app/compose.yaml": web('    ports: ["8080:80", "8443:443", "9443:443"]\n'),
      "/app/compose.override.yaml": 'services:\n  web:\n    ports: ["9090:80"]\n',
    };
    expect(await warningsOf(files)).toEqual(["compose.override.yaml:3:13 check/port-appended"]);
    const replaced = {
      ...files,
      "/app/compose.override.yaml": 'services:\n  web:\n    ports: !override ["9090:80"]\n',
    };
    expect(await warningsOf(replaced)).toEqual([]);
  });

  it("stands once at a range that a second file moves", async () => {
    const files = {
      "/app/compose.yaml": web('    ports: ["8000-8003:80-83"]\n'),
      "/app/compose.override.yaml": 'services:\n  web:\n    ports: ["9000-9003:80-83"]\n',
    };
    expect(await warningsOf(files)).toEqual(["compose.override.yaml:3:13 check/port-appended"]);
  });

  it("stands at a variable that is not set", async () => {
    const files = { "/app/compose.yaml": 'services:\n  web:\n    image: "app:${TAG}1"\n' };
    expect(await warningsOf(files)).toEqual(["compose.yaml:3:17 variable/unset"]);
    expect(await warningsOf(files, { environment: { TAG: "" } })).toEqual([]);
  });

  it("stands at the line of an env file that the shell beats", async () => {
    const files = {
      "/app/compose.yaml": "services:\n  web:\n    image: app:$TAG\n",
      "/app/.env": "OTHER=1\nTAG=2\n",
    };
    expect(await warningsOf(files, { environment: { TAG: "3" } })).toEqual([".env:2:1 variable/shadowed"]);
    expect(await warningsOf(files, { environment: { TAG: "2" } })).toEqual([]);
  });

  it.each([["app"], ["app:latest"], ["host:5000/app"]])(
    "stands at %s, which follows latest in a stack where an image is pinned",
    async (image) => {
      const stack = (other: string) => ({
        "/app/compose.yaml": `services:\n  db: {image: ${other}}\n  web: {image: "${image}"}\n  own: {build: .}\n`,
      });
      const digest = `db:1@sha256:${"0".repeat(64)}`;
      expect(await warningsOf(stack(digest))).toEqual(["compose.yaml:3:16 check/unpinned-image"]);
      expect(await warningsOf(stack("db:1"))).toEqual([]);
    },
  );

  it("does not stand at an image of a tag that says which", async () => {
    const text = `services:\n  db: {image: "db@sha256:${"0".repeat(64)}"}\n  web: {image: "host:5000/app:1"}\n`;
    expect(await warningsOf({ "/app/compose.yaml": text })).toEqual([]);
  });
});
