// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are Compose's.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { main } from "../../src/cli/program.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stowage-config-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function sink() {
  const parts: string[] = [];
  return { write: (data: string | Uint8Array) => parts.push(String(data)) > 0, text: () => parts.join("") };
}

async function stowage(
  args: readonly string[],
  options: { stdin?: string; env?: Record<string, string> } = {},
) {
  const stdout = sink();
  const stderr = sink();
  const code = await main(args, {
    env: { HOME: "/root", ...options.env },
    cwd: folder,
    uid: 1000,
    stdin: Readable.from([options.stdin ?? ""]),
    stdout,
    stderr,
  });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

const STACK = `services:
  s: {image: "i:\${T:-x}", volumes: ["vol1:/v"], profiles: [p], environment: {A: "\${REQ?must}", B: "\${C:-d}", D: "\${E+alt}"}, networks: [n]}
  t: {build: ., models: [m]}
volumes: {vol1: , w: }
networks: {n: }
models: {m: {model: ai/x}}
`;

describe("stowage config", () => {
  it("prints lists, hashes and variables as docker compose does", async () => {
    write("compose.yaml", STACK);
    const list = async (...args: string[]) =>
      (await stowage(["-p", "proj", "--profile", "p", "config", ...args], { env: { REQ: "r" } })).stdout;
    expect(await list("--services")).toBe("s\nt\n");
    expect(await list("--volumes")).toBe("vol1\n");
    expect(await list("--networks")).toBe("default\nn\n");
    expect(await list("--images")).toBe("i:x\nproj-t\n");
    expect(await list("--models")).toBe("ai/x\n");
    expect(await list("--profiles")).toBe("p\n");
    expect(await list("--environment")).toBe(`COMPOSE_PROJECT_NAME=proj\nHOME=/root\nPWD=${folder}\nREQ=r\n`);
    // The hashes that docker compose 2.40.3 has for these services.
    expect(await list("--hash", "*")).toBe(
      "s 842486472420bc8d1c8399956bb797f6abb7baa0d7c6c4b29cd37e2c48a751a9\n" +
        "t 74fae88c56f0b445919f301436b69067375d2e546c305e8af0a6dc67aac6f0e5\n",
    );
    expect((await list("--variables")).split("\n")[1]).toBe(
      "C                   false               d                   ",
    );
  });

  it("prints JSON and YAML with dollars doubled, writes to a file, or nothing", async () => {
    write("compose.yaml", 'name: app\nservices: {s: {image: i, command: ["$$HOME"]}}\n');
    const json = JSON.parse((await stowage(["config", "--format", "json"])).stdout);
    expect(json.services.s.command).toEqual(["$$HOME"]);
    expect((await stowage(["config"])).stdout).toContain("- $$HOME\n");
    expect((await stowage(["config", "-q"])).stdout).toBe("");
    await stowage(["config", "-o", join(folder, "out.yaml")]);
    expect(readFileSync(join(folder, "out.yaml"), "utf8")).toContain("name: app\n");
    expect((await stowage(["config", "--no-interpolate"])).stdout).toContain("- $$HOME\n");
  });

  it("reads a file from stdin", async () => {
    const { stdout } = await stowage(["-p", "x", "-f", "-", "config", "--services"], {
      stdin: "services: {a: {image: i}}\n",
    });
    expect(stdout).toBe("a\n");
  });

  it("shows every fault with its line, a caret and a suggestion, and ends with 15", async () => {
    write("compose.yaml", "services:\n  a:\n    imge: x\n  b:\n    image: y\n    ports: [x]\n");
    const { code, stdout, stderr } = await stowage(["config"]);
    expect(code).toBe(15);
    expect(stdout).toBe("");
    expect(stderr).toContain("compose.yaml:3:5: error:");
    expect(stderr).toContain("    imge: x\n");
    expect(stderr).toContain("^^^^\n");
    expect(stderr).toContain('did you mean "image"?');
    expect(stderr).toContain("compose.yaml:6:13: error:");
  });

  it("prints the faults for machines", async () => {
    write("compose.yaml", "services:\n  a:\n    imge: x\n");
    const json = await stowage(["config", "--problems", "json"]);
    expect(json.code).toBe(15);
    expect(JSON.parse(json.stdout)[0]).toMatchObject({
      rule: "schema/unknown-key",
      place: { line: 3, column: 5 },
    });
    const sarif = JSON.parse((await stowage(["config", "--format", "sarif"])).stdout);
    expect(sarif.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri).toBe("compose.yaml");
    expect((await stowage(["config", "--format", "github"])).stdout).toMatch(
      /^::error file=compose.yaml,line=3,col=5,endColumn=9,title=schema\/unknown-key::/,
    );
  });
});

describe("stowage explain", () => {
  it("shows what set a value, and what lost", async () => {
    write(".env", "TAG=1.0\n");
    write("a.env", "A=file\n");
    write(
      "compose.yaml",
      "services:\n  w:\n    image: n:${TAG}\n    env_file: a.env\n    environment: [A=own]\n",
    );
    write("compose.override.yaml", "services:\n  w:\n    environment: {A: over}\n");
    expect((await stowage(["explain", "services.w.environment.A"])).stdout).toBe(
      [
        'services.w.environment.A = "over"',
        "  set by compose.override.yaml:3:19: over",
        "  wins over compose.yaml:5:19: own",
        "  wins over a.env:1:1: file",
        "",
      ].join("\n"),
    );
    expect((await stowage(["explain", "services.w.image"])).stdout).toContain('with .env:1:1 TAG is "1.0"');
    write("a.env", "BASE=/srv\nA=${BASE}/${TAG}\n");
    write("b.env", "B=$A\n");
    write("raw.env", "R=$A\n");
    write(
      "compose.yaml",
      "services:\n  w:\n    image: n\n    env_file: [a.env, b.env, {path: raw.env, format: raw}]\n",
    );
    write("compose.override.yaml", "{}\n");
    expect((await stowage(["explain", "services.w.environment"])).stdout).toBe(
      [
        'services.w.environment.BASE = "/srv"',
        "  set by a.env:1:1: /srv",
        "",
        'services.w.environment.A = "/srv/1.0"',
        "  set by a.env:2:1: ${BASE}/${TAG}",
        '  with a.env:1:1 BASE is "/srv"',
        '  with .env:1:1 TAG is "1.0"',
        "",
        'services.w.environment.B = "/srv/1.0"',
        "  set by b.env:1:1: $A",
        '  with a.env:2:1 A is "/srv/1.0"',
        "",
        'services.w.environment.R = "$A"',
        "  set by raw.env:1:1: $A",
        "",
      ].join("\n"),
    );
    expect((await stowage(["explain", "services.w.imag"])).stderr).toContain('did you mean "image"?');
  });
});
