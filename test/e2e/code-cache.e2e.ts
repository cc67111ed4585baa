import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

/** Says of each script with a code cache whether V8 took it. */
const WITNESS = `
const vm = require("node:vm");
vm.Script = class extends vm.Script {
  constructor(...options) {
    super(...options);
    process.stdout.write(\`rejected: \${this.cachedDataRejected}\\n\`);
  }
};
`;

// A flag of V8 in the launcher, or a build by another Node, would make each command slower and nothing else.
test("a command must take its code from the cache that the build made", () => {
  const folder = mkdtempSync(join(tmpdir(), "stowage-code-cache-"));
  try {
    const witness = join(folder, "witness.cjs");
    writeFileSync(witness, WITNESS);
    const output = execFileSync(resolve(import.meta.dirname, "../../bin/stowage"), ["version", "--short"], {
      env: { PATH: process.env["PATH"], NODE_OPTIONS: `--require=${witness}` },
      encoding: "utf8",
    });
    expect(output).toMatch(/^rejected: false\n\d+\.\d+\.\d+\n$/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
