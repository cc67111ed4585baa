import { describe, expect, it } from "vitest";
import { cpuMs } from "../support/cpu-time.ts";
import { errorsOf, load } from "./memory-disk.ts";

/** Loads one text and says how much of a processor's time it took. */
async function timed(text: string, more: Readonly<Record<string, string>> = {}) {
  const started = cpuMs();
  const result = await load({ "/app/compose.yaml": text, ...more });
  return { result, milliseconds: cpuMs() - started };
}

function services(count: number, body: (index: number) => string): string {
  return `services:\n${Array.from({ length: count }, (_, index) => `  s${index}:\n    image: i\n${body(index)}`).join("")}`;
}

describe("hostile files", () => {
  it("with aliases that expand without end are refused at once", async () => {
    const levels = Array.from({ length: 10 }, (_, level) => {
      const items = level === 0 ? '"x"' : `*a${level - 1}`;
      return `a${level}: &a${level} [${Array(10).fill(items).join(", ")}]`;
    });
    const { result, milliseconds } = await timed(
      `x-a:\n  ${levels.join("\n  ")}\nservices: {s: {image: i}}\n`,
    );
    expect(errorsOf(result)[0]).toMatch(/yaml\/aliases/);
    expect(milliseconds).toBeLessThan(5000);
  });

  it("with an alias inside its own value are refused", async () => {
    const { result } = await timed("x-a: &a\n  b: *a\nservices: {s: {image: i}}\n");
    expect(errorsOf(result)).toEqual(["compose.yaml:2:6 yaml/alias-cycle"]);
  });

  it.each([
    ["lists", "[".repeat(20_000)],
    ["closed lists", "x-a: ".concat("[".repeat(5000), "]".repeat(5000))],
    ["mappings", Array.from({ length: 3000 }, (_, depth) => `${" ".repeat(depth)}a:\n`).join("")],
  ])("that nest %s deeply are refused", async (_what, text) => {
    const { result, milliseconds } = await timed(text);
    expect(errorsOf(result).length).toBeGreaterThan(0);
    expect(milliseconds).toBeLessThan(20_000);
  });

  it.each([
    ["a tag of another language", "services: {s: {image: !!python/object:os.system x}}\n", 1],
    ["a function", "services: {s: {image: !!js/function 'function(){}'}}\n", 1],
    ["the same key twice", "services:\n  s: {image: a}\n  s: {image: b}\n", 3],
  ])("with %s are refused at its place", async (_what, text, line) => {
    const { result } = await timed(text);
    expect(result.stack).toBeUndefined();
    expect(errorsOf(result)[0]).toMatch(new RegExp(`^compose.yaml:${line}:`));
  });

  it("cannot reach any object of ours through a key", async () => {
    const text = `services:
  s:
    image: i
    environment: {__proto__: x, constructor: y}
    labels: {__proto__: {polluted: "1"}}
x-a: {__proto__: {polluted: true}}
`;
    await timed(text);
    await timed(
      `services: {__proto__: {image: i}, constructor: {image: i}, s: {image: i, labels: {__proto__: z}}}\n`,
    );
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });

  it("may use the names of object methods as data", async () => {
    const { result } = await timed(
      "services: {constructor: {image: i, environment: {__proto__: x, toString: y}, networks: [valueOf]}}\nnetworks: {valueOf: {}}\n",
    );
    expect(errorsOf(result)).toEqual([]);
    const service = result.stack?.services["constructor"];
    expect(Object.entries(service?.environment ?? {})).toEqual([
      ["__proto__", "x"],
      ["toString", "y"],
    ]);
  });

  it.each([
    ["dollars", `x-a: "${"$".repeat(500_000)}"\n`],
    ["open braces", `x-a: "${"${".repeat(200_000)}"\n`],
    ["unset variables", `x-a: "${"$B ".repeat(200_000)}"\n`],
    ["nested defaults", `x-a: "${"${A:-".repeat(2000)}${"}".repeat(2000)}"\n`],
    ["a row of defaults", `x-a: "${`${"$"}{A:-b}`.repeat(60_000)}"\n`],
    ["unclosed defaults", `x-a: "${"${A:-{".repeat(60_000)}}"\n`],
  ])("with a text of %s take no long time", async (_what, line) => {
    const { milliseconds } = await timed(`${line}services: {s: {image: i}}\n`);
    expect(milliseconds).toBeLessThan(5000);
  });

  it.each([
    ["a port of 50 000 digits", `ports: ["${"9".repeat(50_000)}:80"]`],
    ["a duration of 20 000 units", `stop_grace_period: ${"1h".repeat(20_000)}`],
    ["a size of 50 000 digits", `mem_limit: "${"9".repeat(50_000)}x"`],
    ["a command of 500 000 quotes", `command: "${"'a' ".repeat(100_000)}"`],
    ["an odd mount", `volumes: ["${"a:".repeat(50_000)}"]`],
  ])("with %s take no long time", async (_what, line) => {
    const { milliseconds } = await timed(`services:\n  s:\n    image: i\n    ${line}\n`);
    expect(milliseconds).toBeLessThan(3000);
  });

  it("that publish every port load", async () => {
    const { result, milliseconds } = await timed("services: {s: {image: i, ports: ['1-65535:1-65535']}}\n");
    expect(result.stack?.services["s"]?.ports).toHaveLength(65_535);
    expect(milliseconds).toBeLessThan(10_000);
  });

  it("with 10 000 services load", async () => {
    const text = services(10_000, (index) => (index === 0 ? "" : `    depends_on: [s${index - 1}]\n`));
    const { result, milliseconds } = await timed(text);
    expect(Object.keys(result.stack?.services ?? {})).toHaveLength(10_000);
    expect(milliseconds).toBeLessThan(20_000);
  });

  it("in which 300 services depend on all before them load, and a circle among them is named", async () => {
    const before = (index: number) => Array.from({ length: index }, (_, each) => `s${each}`).join(", ");
    const text = services(300, (index) => `    depends_on: [${before(index)}]\n`);
    expect((await timed(text)).result.stack).toBeDefined();
    const { result, milliseconds } = await timed(text.replace("depends_on: []", "depends_on: [s1]"));
    expect(result.problems[0]?.message).toMatch(/s0 -> s1 -> s0/);
    expect(milliseconds).toBeLessThan(5000);
  });

  it("of 10 MB load or are refused in bounded time", async () => {
    const text = `services:\n  s:\n    image: i\n    labels:\n${Array.from({ length: 150_000 }, (_, index) => `      label-${index}: "${"v".repeat(45)}"\n`).join("")}`;
    expect(text.length).toBeGreaterThan(10_000_000);
    const { result, milliseconds } = await timed(text);
    expect(result.stack).toBeDefined();
    expect(milliseconds).toBeLessThan(20_000);
  });
});

describe("odd encodings", () => {
  it("of a file that is no UTF-8 are refused", async () => {
    const result = await load({ "/app/compose.yaml": new Uint8Array([0x61, 0x3a, 0x20, 0xff, 0xfe]) });
    expect(result.problems[0]?.message).toMatch(/not valid UTF-8/);
  });

  it.each([
    ["a byte order mark", "\uFEFFservices: {s: {image: i}}\n"],
    ["carriage returns", "services:\r\n  s:\r\n    image: i\r\n    command: |\r\n      a\r\n      b\r\n"],
    ["no newline at its end", "services:\n  s:\n    image: i"],
  ])("with %s load", async (_what, text) => {
    expect(errorsOf(await load({ "/app/compose.yaml": text }))).toEqual([]);
  });

  it("with a NUL in a value are refused at its place", async () => {
    const result = await load({ "/app/compose.yaml": 'services: {s: {image: i, command: ["a\\0b"]}}\n' });
    expect(errorsOf(result)).toEqual(["compose.yaml:1:36 yaml/nul"]);
  });
});

describe("files that name each other", () => {
  it("in a circle of includes are refused, the circle named", async () => {
    const result = await load({
      "/app/compose.yaml": "include: [b.yaml]\nservices: {s: {image: i}}\n",
      "/app/b.yaml": "include: [compose.yaml]\nservices: {t: {image: i}}\n",
    });
    expect(errorsOf(result)).toEqual(["b.yaml:1:11 include/cycle"]);
  });

  it("in a circle of extends are refused, the circle named", async () => {
    const result = await load({
      "/app/compose.yaml": "services: {a: {extends: {file: b.yaml, service: b}}}\n",
      "/app/b.yaml": "services: {b: {extends: {file: compose.yaml, service: a}}}\n",
    });
    expect(errorsOf(result)).toEqual(["compose.yaml:1:25 extends/cycle"]);
    expect(result.problems[0]?.message).toMatch(/b -> a -> b|a -> b -> a/);
  });
});
