import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { runCli } from "./support.ts";

const dir = mkdtempSync(join(tmpdir(), "stowage-check-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const check = (text: string, ...more: readonly string[]) => {
  writeFileSync(join(dir, "Dockerfile"), text);
  return runCli(["--runtime", "memory", "build", "--check", ...more, dir]);
};

it("build --check prints what docker's prints, and builds nothing", async () => {
  const { code, stdout } = await check("FROM scratch\nMAINTAINER me\nCMD x\n");
  expect(code).toBe(1);
  expect(stdout).toBe(
    [
      "Check complete, 2 warnings have been found!",
      "",
      "WARNING: MaintainerDeprecated - https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/",
      "Maintainer instruction is deprecated in favor of using label",
      "Dockerfile:2",
      "--------------------",
      "   1 |     FROM scratch",
      "   2 | >>> MAINTAINER me",
      "   3 |     CMD x",
      "   4 |",
      "--------------------",
      "",
      "",
      "WARNING: JSONArgsRecommended - https://docs.docker.com/go/dockerfile/rule/json-args-recommended/",
      "JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
      "Dockerfile:3",
      "--------------------",
      "   1 |     FROM scratch",
      "   2 |     MAINTAINER me",
      "   3 | >>> CMD x",
      "   4 |",
      "--------------------",
      "",
      "",
    ].join("\n"),
  );
});

it("build --check finds nothing in what is fine, and says what is no Dockerfile", async () => {
  const fine = 'FROM scratch\nCMD ["x"]\n';
  expect(await check(fine)).toMatchObject({ code: 0, stdout: "Check complete, no warnings found.\n" });
  const skip = "BUILDKIT_DOCKERFILE_CHECK=skip=all";
  expect(await check("FROM scratch\nCMD x\n", "--build-arg", skip)).toMatchObject({ code: 0 });
  const { code, stdout } = await check("FROM scratch\nENV a\n");
  expect(code).toBe(1);
  expect(stdout).toContain("ERROR: ENV must have two arguments\nDockerfile:2\n");
  const { stderr } = await runCli(["--runtime", "memory", "build", "--check", join(dir, "nowhere")]);
  expect(stderr).toContain(`Cannot read the Dockerfile ${join(dir, "nowhere", "Dockerfile")}`);
});
