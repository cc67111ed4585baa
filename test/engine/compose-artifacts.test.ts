import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../cli/support.ts";
import { freePort } from "../support/free-port.ts";
import { openRegistry, type Registry } from "../support/registry-bench.ts";
import { findPeers } from "./support/dockerd.ts";

let folder = "";
let registry: Registry;

const EMPTY = Buffer.from("{}");
const PROJECT = "application/vnd.docker.compose.project";

/** A layer as `docker compose publish` writes it. */
const file = (
  text: string,
  annotations: Record<string, string> = { "com.docker.compose.file": "any.yaml" },
) => ({
  mediaType: "application/vnd.docker.compose.file+yaml",
  text,
  annotations,
});
const envFile = (text: string, annotations: Record<string, string>) => ({
  mediaType: "application/vnd.docker.compose.envfile",
  text,
  annotations,
});
const extended = (text: string, name: string) =>
  file(text, { "com.docker.compose.extends": "true", "com.docker.compose.file": name });

const digestOf = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

async function upload(name: string, bytes: Buffer): Promise<void> {
  const base = `http://${registry.host}/v2/${name}/blobs/uploads/`;
  const location = (await fetch(base, { method: "POST" })).headers.get("location") ?? "";
  const url = new URL(location, base);
  url.searchParams.set("digest", digestOf(bytes));
  const type = { "content-type": "application/octet-stream" };
  expect((await fetch(url, { method: "PUT", body: new Uint8Array(bytes), headers: type })).status).toBe(201);
}

/** Puts an artifact into the registry under `name:tag`; `change` alters its manifest. */
async function publish(
  name: string,
  layers: readonly ReturnType<typeof file>[],
  change: Record<string, unknown> = {},
): Promise<string> {
  await upload(name, EMPTY);
  const described = [];
  for (const { text, ...layer } of layers) {
    const bytes = Buffer.from(text);
    await upload(name, bytes);
    described.push({ ...layer, digest: digestOf(bytes), size: bytes.length });
  }
  const config = { mediaType: "application/vnd.oci.empty.v1+json", digest: digestOf(EMPTY), size: 2 };
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = {
    schemaVersion: 2,
    mediaType,
    artifactType: PROJECT,
    config,
    layers: described,
    ...change,
  };
  const body = JSON.stringify(manifest);
  const url = `http://${registry.host}/v2/${name}/manifests/1`;
  expect((await fetch(url, { method: "PUT", body, headers: { "content-type": mediaType } })).status).toBe(
    201,
  );
  return `oci://${registry.host}/${name}:1`;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stowage-oci-"));
  for (const dir of [join(folder, "project"), held()]) mkdirSync(dir, { recursive: true });
  registry = await openRegistry(folder);
  // What the commands load when they are first asked: not a matter of the first test's time.
  await import("../../src/runtime/engine/index.ts");
});

afterAll(async () => {
  await registry.close();
  rmSync(folder, { recursive: true, force: true });
});

/** `config` in the project's folder, whose Compose file holds the text. */
async function config(text: string, args: readonly string[] = [], env: Record<string, string> = {}) {
  const cwd = join(folder, "project");
  writeFileSync(join(cwd, "compose.yaml"), text);
  const XDG_CACHE_HOME = join(folder, "cache");
  const ended = await runCli([...args, "config", "--format", "json"], {
    cwd,
    env: { HOME: folder, XDG_CACHE_HOME, ...env },
  });
  return { ...ended, stack: ended.code === 0 ? JSON.parse(ended.stdout) : undefined };
}

const held = () => join(folder, "cache/stowage/oci");

describe("a Compose file in a registry", () => {
  it("is read by -f: its files in order, what they extend, and their env files", async () => {
    const address = await publish("app/whole", [
      file(
        'name: far\nservices:\n  web:\n    image: "web:$TAG"\n    env_file: a.env\n    volumes: ["./d:/d"]\n    extends: {file: b.yaml, service: base}\n',
      ),
      file("services: {web: {command: [run]}}\n"),
      extended("services: {base: {working_dir: /w}}\n", "b.yaml"),
      envFile("FROM=registry\n", { "com.docker.compose.envfile": "a.env" }),
    ]);
    const { stack, stderr } = await config("", ["-f", address]);
    expect(stderr).toContain("TAG");
    const [dir = ""] = readdirSync(held());
    expect(stack).toMatchObject({
      name: "far",
      services: {
        web: {
          image: "web:",
          command: ["run"],
          working_dir: "/w",
          environment: { FROM: "registry" },
          volumes: [{ source: join(held(), dir, "d") }],
        },
      },
    });
    expect(statSync(join(held(), dir)).mode & 0o777).toBe(0o700);
    expect(statSync(join(held(), dir, "compose.yaml")).mode & 0o777).toBe(0o600);
  });

  it("is included and extended, and a held one is not fetched again", async () => {
    const address = await publish("app/base", [file("services: {base: {image: base}}\n")]);
    const text = `include: ["${address}"]\nservices: {me: {extends: {file: "${address}", service: base}}}\n`;
    const before = readdirSync(held()).length;
    for (let run = 0; run < 2; run += 1) {
      const { stack } = await config(text);
      expect(stack.services).toMatchObject({ base: { image: "base" }, me: { image: "base" } });
    }
    expect(readdirSync(held())).toHaveLength(before + 1);
  });

  it("is known by the type of its configuration where the registry knows no artifacts", async () => {
    const mediaType = "application/vnd.docker.compose.config.empty.v1+json";
    const old = { artifactType: undefined, config: { mediaType, digest: digestOf(EMPTY), size: 2 } };
    const address = await publish("app/old", [file("services: {old: {image: old}}\n")], old);
    expect((await config("", ["-f", address])).stack.services).toMatchObject({ old: { image: "old" } });
  });

  it.each([
    [
      "another kind of artifact",
      [file("services: {}")],
      { artifactType: "application/x" },
      /is no such artifact, but application\/x/,
    ],
    ["no Compose file", [envFile("A=1", { "com.docker.compose.envfile": "a" })], {}, /no Compose file in it/],
    [
      "a name that leads out of its folder",
      [file("a: 1"), extended("a: 1", "../x.yaml")],
      {},
      /names a file "\.\.\/x\.yaml"/,
    ],
    ["a file without a name", [file("a: 1"), envFile("A=1", {})], {}, /a file without a name/],
    [
      "two files of one name",
      [file("a: 1"), envFile("A=1", { "com.docker.compose.envfile": "compose.yaml" })],
      {},
      /two files "compose\.yaml"/,
    ],
  ])("is refused at its place for %s", async (why, layers, change, reason) => {
    const address = await publish(`app/${why.replaceAll(" ", "-").toLowerCase()}`, layers, change);
    const before = readdirSync(held()).length;
    const { code, stderr } = await config(
      `services:\n  me:\n    extends: {file: "${address}", service: top}\n`,
    );
    expect(code).toBe(15);
    expect(stderr).toMatch(/^compose\.yaml:3:21: error: The file oci:/);
    expect(stderr).toMatch(reason);
    expect(readdirSync(held())).toHaveLength(before);
  });

  it("is refused for what a registry does not have, or where there is none, or by the switch", async () => {
    const missing = await config("", ["-f", `oci://${registry.host}/app/none:2`]);
    expect(missing.code).toBe(15);
    expect(missing.stderr).toMatch(/cannot be had: manifest for .*app\/none:2 not found/);
    const nobody = `127.0.0.1:${await freePort()}`;
    const down = await config("", ["-f", `oci://${nobody}/app:1`]);
    expect(down.stderr).toMatch(/cannot be had: Cannot GET .*ECONNREFUSED/);
    const off = await config("", ["-f", `oci://${nobody}/app:1`], { COMPOSE_EXPERIMENTAL_OCI_REMOTE: "0" });
    expect(off.stderr).toContain("COMPOSE_EXPERIMENTAL_OCI_REMOTE switches it off");
  });

  it("is refused when it is larger than any Compose file", async () => {
    const layers = [{ mediaType: "application/x", digest: digestOf(EMPTY), size: 64 << 20 }];
    const { stderr } = await config("", ["-f", await publish("app/large", [], { layers })]);
    expect(stderr).toMatch(/its files have 67108864 bytes, more than 33554432/);
  });
});

const PROJECT_FILES: Readonly<Record<string, string>> = {
  "compose.yaml": `
name: far
services:
  web:
    image: "web:$TAG"
    env_file: web.env
    extends:
      file: sub/base.yaml
      service: base
    ports: ["80:80"]
  db:
    image: db
    environment: {A: b}
    env_file:
      - path: other.env
        required: false
`,
  "override.yaml": "services: {db: {command: [run, '$$x']}}\n",
  "whole.yaml": "services: {whole: {image: whole}}\n",
  "sub/base.yaml": "services:\n  base:\n    working_dir: /w\n    labels: {a: 'ü'}\n",
  "web.env": "FROM=web\n",
  "other.env": "FROM=other\n",
};

describe("a project that is published", () => {
  const files = ["-f", "compose.yaml", "-f", "override.yaml"];
  let cwd = "";
  const home = () => ({ HOME: folder, XDG_CACHE_HOME: join(folder, "cache") });
  const publishIt = (args: readonly string[]) => runCli([...files, "publish", ...args], { cwd, env: home() });

  beforeAll(() => {
    cwd = join(folder, "published");
    mkdirSync(join(cwd, "sub"), { recursive: true });
    for (const [name, text] of Object.entries(PROJECT_FILES)) writeFileSync(join(cwd, name), text);
  });

  it("is the same where it is read, its extended and env files with it", async () => {
    const { code, stdout } = await publishIt(["-y", "--with-env", `${registry.host}/app/published`]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    const read = await config("", ["-f", `oci://${registry.host}/app/published`]);
    const own = await runCli([...files, "config", "--format", "json"], { cwd, env: home() });
    expect(read.stack).toEqual(JSON.parse(own.stdout));
  });

  it("is not, with variables or bind mounts that nobody agreed to, or what only this machine has", async () => {
    const variables = await publishIt([`${registry.host}/app/never`]);
    expect(variables.code).toBe(1);
    expect(variables.stderr).toContain("db has the env file");
    const one = async (text: string) => {
      writeFileSync(join(cwd, "one.yaml"), text);
      return await runCli(["-f", "one.yaml", "publish", `${registry.host}/app/never`], { cwd, env: home() });
    };
    const mount = await one("services: {a: {image: a, volumes: ['/etc:/etc']}}\n");
    expect(mount.code).toBe(1);
    expect(mount.stderr).toContain("a mounts /etc");
    expect((await one("include: [whole.yaml]\n")).stderr).toContain("only this machine has");
    expect((await one("services: {a: {build: .}}\n")).stderr).toContain("can only be built here");
    expect((await config("", ["-f", `oci://${registry.host}/app/never`])).code).toBe(15);
  });

  it("is the same to docker compose, whichever of the two has published it", async () => {
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    execFileSync("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", certificate, ...subject], {
      stdio: "ignore",
    });
    const secure = await openRegistry(folder, { tls: { certificate, key } });
    const program = join(findPeers().plugins, "docker-compose");
    // Where Go looks for certificates; docker compose uses TLS with this machine's registries, too.
    const env = { PATH: process.env["PATH"], ...home(), SSL_CERT_FILE: certificate };
    const compose = (...args: readonly string[]) =>
      JSON.parse(
        execFileSync(program, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }) ||
          "{}",
      );
    try {
      compose(...files, "publish", "-y", "--with-env", `${secure.host}/theirs`);
      expect((await publishIt(["-y", "--with-env", `${secure.host}/ours`])).code).toBe(0);
      for (const name of ["theirs", "ours"]) {
        const address = ["-f", `oci://${secure.host}/${name}`];
        const { stack } = await config("", address);
        expect(stack).toEqual(compose(...address, "config", "--format", "json"));
        expect(stack.services.db.environment).toEqual({ A: "b", FROM: "other" });
      }
    } finally {
      await secure.close();
    }
  });
});
