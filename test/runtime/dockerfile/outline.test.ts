import { describe, expect, it } from "vitest";
import { outlineOf } from "../../../src/runtime/dockerfile/index.ts";

const TEXT = `ARG G=1
ARG DEP=$G-d
ARG UNUSED
# base for all
FROM known AS base
# A is described
ARG A=x$G
RUN --mount=type=secret,id=s,required=true --mount=type=ssh true
FROM base AS fin
ARG B C=2
ENV E=$C
ARG F=$E$PATH DEP
RUN --mount=type=secret,target=/a/z \\
  true
FROM base
COPY --from=fin /x /y
`;

async function outline(target: string, buildArgs: Record<string, string> = {}) {
  const { args, secrets, ssh, ...rest } = await outlineOf({
    text: TEXT,
    name: "Dockerfile",
    target,
    buildArgs,
    platform: "linux/amd64",
    envOf: async () => ["PATH=/bin"],
  });
  return {
    ...rest,
    args: args.map(({ name, value, lines }) => `${lines.line} ${name}=${value}`),
    mounts: [...secrets, ...ssh].map(({ name, isRequired, lines }) => [name, isRequired, lines.endLine]),
    described: args.flatMap(({ description }) => description ?? []),
  };
}

// What BuildKit says of whole files is compared in test/engine/docker-cli/build-check.sh.
describe("a target's outline", () => {
  it("has the arguments that are used on the way to it, with their values", async () => {
    const { args, described } = await outline("fin");
    expect(args).toEqual(["1 G=1", "2 DEP=1-d", "7 A=x", "10 B=", "10 C=2", "12 F=2/bin"]);
    expect(described).toEqual(["is described"]);
    const given = await outline("fin", { B: "cli", C: "9", DEP: "own" });
    expect(given.args).toEqual(["7 A=x", "10 B=cli", "10 C=9", "12 F=9/bin", "12 DEP=own"]);
  });

  it("has the secrets and agents, and what the stage says of itself", async () => {
    expect(await outline("base")).toMatchObject({
      name: "base",
      description: "for all",
      mounts: [
        ["s", true, 8],
        ["default", false, 8],
      ],
    });
    const { name, mounts } = await outline("");
    expect(name).toBeUndefined();
    expect(mounts).toEqual([
      ["s", true, 8],
      ["z", false, 14],
      ["default", false, 8],
    ]);
  });
});
