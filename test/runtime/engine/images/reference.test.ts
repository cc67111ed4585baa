import { describe, expect, it } from "vitest";
import {
  canonicalText,
  familiarText,
  parseReference,
  withDefaultTag,
} from "../../../../src/runtime/engine/images/reference.ts";
import { fc } from "../../../support/fast-check.ts";

const HEX = "a".repeat(64);

describe("image references", () => {
  it.each([
    ["nginx", "docker.io/library/nginx:latest", "nginx:latest"],
    ["nginx:1.25", "docker.io/library/nginx:1.25", "nginx:1.25"],
    ["bitnami/redis", "docker.io/bitnami/redis:latest", "bitnami/redis:latest"],
    ["docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"],
    ["index.docker.io/library/nginx", "docker.io/library/nginx:latest", "nginx:latest"],
    ["localhost/x", "localhost/x:latest", "localhost/x:latest"],
    ["localhost:5000/a/b/c:2", "localhost:5000/a/b/c:2", "localhost:5000/a/b/c:2"],
    ["127.0.0.1:5000/stack/web:1", "127.0.0.1:5000/stack/web:1", "127.0.0.1:5000/stack/web:1"],
    ["[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"],
    [`x@sha256:${HEX}`, `docker.io/library/x@sha256:${HEX}`, `x@sha256:${HEX}`],
    [`r.io/x:1@sha256:${HEX}`, `r.io/x:1@sha256:${HEX}`, `r.io/x:1@sha256:${HEX}`],
    ["a__b/c--d/e.f", "docker.io/a__b/c--d/e.f:latest", "a__b/c--d/e.f:latest"],
  ])("%s means %s", (text, canonical, familiar) => {
    const reference = withDefaultTag(parseReference(text));
    expect(canonicalText(reference)).toBe(canonical);
    expect(familiarText(reference)).toBe(familiar);
  });

  it.each([
    ["BAD", "invalid reference format: repository name (library/BAD) must be lowercase"],
    ["busybox@bad", "invalid reference format"],
    ["", "invalid reference format"],
    ["a//b", "invalid reference format"],
    ["x:", "invalid reference format"],
    ["x:tag with blanks", "invalid reference format"],
    ["-x", "invalid reference format"],
    ["http://host/x", "invalid reference format"],
    [HEX, `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`],
    [`r.io/${"a".repeat(300)}`, "repository name must not be more than 255 characters"],
    [`x@sha256:${"a".repeat(63)}`, "invalid checksum digest length"],
    ["x:1\n", "invalid reference format"],
  ])("%j is refused", (text, message) => {
    expect(() => parseReference(text)).toThrow(message);
  });

  it("in canonical form mean themselves", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(
          /^[a-z][a-z0-9]{0,8}(\.[a-z0-9]{1,5})?(\/[a-z][a-z0-9]{0,5}_?[a-z])?(:[a-z0-9]{1,8})?$/,
        ),
        (text) => {
          const reference = withDefaultTag(parseReference(text));
          expect(parseReference(canonicalText(reference))).toEqual(reference);
          expect(withDefaultTag(parseReference(familiarText(reference)))).toEqual(reference);
        },
      ),
    );
  });
});
