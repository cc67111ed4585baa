import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findEngine, openDockerRuntime } from "../../../src/runtime/docker/index.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "stowage-home-"));
});
afterEach(() => rmSync(home, { recursive: true }));

function writeContext(name: string, host: string): void {
  const dir = join(home, ".docker/contexts/meta", createHash("sha256").update(name).digest("hex"));
  mkdirSync(dir, { recursive: true });
  writeFileSync(
    join(dir, "meta.json"),
    JSON.stringify({ Name: name, Endpoints: { docker: { Host: host } } }),
  );
}

describe("an engine is found", () => {
  it("by the given host before anything else", () => {
    const found = findEngine({ host: "tcp://a:1", env: { DOCKER_HOST: "unix:///b" }, home });
    expect(found).toEqual({ host: "tcp://a:1", source: "the given host" });
  });

  it("by DOCKER_HOST, then by the docker context", () => {
    writeContext("far", "tcp://far:2375");
    writeFileSync(join(home, ".docker/config.json"), '{"currentContext":"far"}');
    expect(findEngine({ env: { DOCKER_HOST: "unix:///b" }, home }).host).toBe("unix:///b");
    expect(findEngine({ env: {}, home })).toEqual({
      host: "tcp://far:2375",
      source: 'the docker context "far"',
    });
  });

  it("at a usual socket", () => {
    const socket = join(home, ".colima/default/docker.sock");
    mkdirSync(join(home, ".colima/default"), { recursive: true });
    writeFileSync(socket, "");
    expect(findEngine({ env: { DOCKER_CONTEXT: "default" }, home }).host).toMatch(
      /^unix:\/\/(?:\/var\/run\/docker\.sock|.*colima.*)$/,
    );
  });

  it("with the certificates that the environment names", () => {
    writeFileSync(join(home, "ca.pem"), "CA");
    const env = { DOCKER_HOST: "tcp://a:2376", DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: home };
    expect(findEngine({ env, home }).tls).toEqual({ ca: "CA", isVerified: true });
  });

  it("with the certificates of the docker client's folder where it names none", () => {
    mkdirSync(join(home, ".docker"));
    writeFileSync(join(home, ".docker/ca.pem"), "CA");
    const env = { DOCKER_HOST: "tcp://a:2376", DOCKER_TLS_VERIFY: "1" };
    expect(findEngine({ env, home }).tls).toEqual({ ca: "CA", isVerified: true });
    writeFileSync(join(home, "ca.pem"), "another CA");
    const tls = findEngine({ env: { ...env, DOCKER_CONFIG: home }, home }).tls;
    expect(tls).toEqual({ ca: "another CA", isVerified: true });
  });

  it("or the context that does not exist is named", () => {
    expect(() => findEngine({ env: { DOCKER_CONTEXT: "gone" }, home })).toThrow(
      'Cannot use the docker context "gone": it does not exist',
    );
  });
});

describe("an engine that is not there", () => {
  it("is unavailable, with the reason in words", async () => {
    const runtime = openDockerRuntime({ host: `unix://${home}/none.sock` });
    await expect(runtime.info()).rejects.toMatchObject({
      kind: "unavailable",
      message: `Cannot reach the engine at unix://${home}/none.sock: no such socket`,
    });
  });

  it("is not looked up by name when its address is one of IPv6", async () => {
    const runtime = openDockerRuntime({ host: "tcp://[::1]:1" });
    await expect(runtime.info()).rejects.toThrow("engine at tcp://[::1]:1: nobody answers there");
  });

  it("is invalid when its address is none", () => {
    expect(() => openDockerRuntime({ host: "ftp://x" })).toThrow(
      'Cannot use "ftp://x" as an engine\'s address',
    );
  });
});
