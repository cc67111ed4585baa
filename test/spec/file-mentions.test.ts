// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are Compose's.
import { describe, expect, it } from "vitest";
import { fileMentionsIn } from "../../src/spec/index.ts";

describe("the files that a Compose file names", () => {
  it("are found with their quotes, in short and long forms, once where an anchor shares them", async () => {
    const text = `include: [oci://h/x, {path: ["a.yaml"]}]
x-env: &env
  - 'one.env' # shared
services:
  a: {image: a, env_file: *env, label_file: labels, extends: {file: "\${DIR}/b.yaml", service: b}}
  c:
    env_file: [{path: two.env, required: false}]
    extends: a
  d: {image: d, env_file: *env}
---
services: {e: {env_file: three.env}}
`;
    const found = await fileMentionsIn(text, { DIR: "sub" });
    expect(found.map(({ kind, path, start, end }) => [kind, path, text.slice(start, end)])).toEqual([
      ["include", "oci://h/x", "oci://h/x"],
      ["include", "a.yaml", '"a.yaml"'],
      ["env_file", "one.env", "'one.env'"],
      ["label_file", "labels", "labels"],
      ["extends", "sub/b.yaml", '"${DIR}/b.yaml"'],
      ["env_file", "two.env", "two.env"],
      ["env_file", "three.env", "three.env"],
    ]);
  });
});
