import { describe, expect, it } from "vitest";
import { printStackJson, printStackYaml } from "../../src/spec/index.ts";
import { load } from "./memory-disk.ts";

async function loaded(files: Record<string, string>) {
  const { stack, problems } = await load(files);
  if (stack === undefined) throw new Error(problems.map(({ message }) => message).join("; "));
  return stack;
}

describe("the normal form", () => {
  it("has a limit of 0 as soft and hard in YAML, which can be read again, and neither in JSON", async () => {
    const stack = await loaded({ "/app/compose.yaml": "services: {a: {image: a, ulimits: {core: 0}}}\n" });
    const yaml = await printStackYaml(stack);
    expect(yaml).toContain("      core:\n        soft: 0\n        hard: 0\n");
    expect(JSON.parse(printStackJson(stack)).services.a.ulimits).toEqual({ core: {} });
    const again = await loaded({ "/app/compose.yaml": yaml });
    expect(await printStackYaml(again)).toBe(yaml);
  });

  it("has models in YAML alone, as Compose's", async () => {
    const text = "services: {a: {image: a, models: [m]}}\nmodels: {m: {model: x}}\n";
    const stack = await loaded({ "/app/compose.yaml": text });
    expect(await printStackYaml(stack)).toContain("models:\n  m:\n    model: x\n");
    expect(JSON.parse(printStackJson(stack))).not.toHaveProperty("models");
  });

  it("has paths of an included project in the folder that it names, or above one that is not there", async () => {
    const include = "include: [{path: sub/a.yaml, project_directory: ./pd}]\n";
    const sub = "services: {a: {image: a, volumes: ['./d:/d']}}\n";
    const files = { "/app/compose.yaml": include, "/app/sub/a.yaml": sub };
    const source = async (more: Record<string, string>) =>
      (await loaded({ ...files, ...more })).services["a"]?.volumes?.[0]?.source;
    expect(await source({ "/app/pd/file": "" })).toBe("/app/pd/d");
    expect(await source({})).toBe("/app/d");
  });
});
