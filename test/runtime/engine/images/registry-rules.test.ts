import { describe, expect, it } from "vitest";
import { parseChallenges } from "../../../../src/runtime/engine/images/registry/challenge.ts";
import { endpointsOf } from "../../../../src/runtime/engine/images/registry/endpoints.ts";
import { proxyFor } from "../../../../src/runtime/engine/images/registry/proxy.ts";

describe("registry endpoints", () => {
  const origins = (domain: string, settings = {}) =>
    endpointsOf(domain, settings).map(({ origin }) => origin);

  it("are encrypted, unless the registry is on this machine or named insecure", () => {
    expect(origins("ghcr.io")).toEqual(["https://ghcr.io"]);
    expect(origins("127.0.0.1:5000")).toEqual(["https://127.0.0.1:5000", "http://127.0.0.1:5000"]);
    expect(origins("localhost:5000")).toHaveLength(2);
    expect(origins("[::1]:5000")).toHaveLength(2);
    expect(origins("10.1.2.3:5000", { insecure: ["10.0.0.0/8"] })).toHaveLength(2);
    expect(origins("11.1.2.3:5000", { insecure: ["10.0.0.0/8"] })).toHaveLength(1);
    expect(origins("reg.lan", { insecure: ["reg.lan"] })).toHaveLength(2);
    expect(origins("127.0.0.1.evil.org")).toEqual(["https://127.0.0.1.evil.org"]);
  });

  it("of Docker Hub come after its mirrors", () => {
    const settings = { mirrors: ["https://mirror.lan:5001/"] };
    expect(origins("docker.io", settings)).toEqual([
      "https://mirror.lan:5001",
      "https://registry-1.docker.io",
    ]);
    expect(origins("ghcr.io", settings)).toEqual(["https://ghcr.io"]);
    expect(() => origins("docker.io", { mirrors: ["ftp://x"] })).toThrow("invalid mirror");
    expect(() => origins("docker.io", { mirrors: ["https://user:pw@x"] })).toThrow("invalid mirror");
  });
});

describe("a registry's challenge", () => {
  it.each([
    ['Basic realm="x"', [{ scheme: "basic", parameters: { realm: "x" } }]],
    [
      'Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push"',
      [
        {
          scheme: "bearer",
          parameters: { realm: "https://a/t", service: "s", scope: "repository:a/b:pull,push" },
        },
      ],
    ],
    [
      'Negotiate, Basic realm="a \\"quoted\\" one", Bearer realm=plain',
      [
        { scheme: "basic", parameters: { realm: 'a "quoted" one' } },
        { scheme: "bearer", parameters: { realm: "plain" } },
      ],
    ],
    ["", []],
  ])("%j is understood", (header, expected) => {
    expect(parseChallenges(header)).toEqual(expected);
  });
});

describe("a proxy", () => {
  const environment = {
    HTTPS_PROXY: "http://proxy:3128",
    http_proxy: "lower:80",
    HTTP_PROXY: "upper:80",
    NO_PROXY: ".lan,exact:5000, *.dev",
  };
  it.each([
    ["https://ghcr.io/v2/", "http://proxy:3128/"],
    ["http://reg.example/v2/", "http://lower/"],
    ["https://a.lan/", undefined],
    ["https://lan/", undefined],
    ["https://exact:5000/", undefined],
    ["https://exact:5001/", "http://proxy:3128/"],
    ["https://x.dev/", undefined],
    ["http://127.0.0.1:5000/", undefined],
    ["http://localhost/", undefined],
  ])("for %s is %s", (url, expected) => {
    expect(proxyFor(new URL(url), environment)?.href).toBe(expected);
  });
});
