import { describe, expect, it } from "vitest";
import { SERVICE_FAULTS, SYNTAX_FAULTS, TOP_FAULTS } from "./faults.ts";
import { errorsOf, load } from "./memory-disk.ts";

const MARK = /«([\w/-]+)»/;

/** A text without its marks, and what they say: `file:line:column rule`. */
function readMarks(marked: string, file: string): { readonly text: string; readonly faults: string[] } {
  const faults: string[] = [];
  const lines = marked.split("\n").map((line, index) => {
    let rest = line;
    for (let mark = MARK.exec(rest); mark !== null; mark = MARK.exec(rest)) {
      faults.push(`${file}:${index + 1}:${mark.index + 1} ${mark[1]}`);
      rest = rest.replace(MARK, "");
    }
    return rest;
  });
  return { text: lines.join("\n"), faults };
}

/** Numbers that look random and are the same each time. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed + 0x9e3779b9;
  return (below) => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
    state = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    state ^= state >>> 15;
    return (state >>> 0) % below;
  };
}

function pick<T>(items: readonly T[], count: number, random: (below: number) => number): T[] {
  const left = [...items];
  return Array.from({ length: Math.min(count, left.length) }, () =>
    left.splice(random(left.length), 1),
  ).flat();
}

function faultyFile(random: (below: number) => number, prefix: string): string {
  const parts = [
    ...pick(SERVICE_FAULTS, 2 + random(6), random),
    ...(random(2) === 0 ? pick(SYNTAX_FAULTS, 1 + random(2), random) : []),
  ];
  const services = parts.map((part, index) => `  ${part.replaceAll("SVC", `${prefix}${index}`)}`);
  const top = pick(TOP_FAULTS, random(3), random).map((part) => part.replaceAll("SVC", prefix));
  return ["services:", "  sound:", "    image: ok", ...services, ...top, ""].join("\n");
}

describe("a file with several faults", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    it(`has each of them reported at its place, and nothing else (seed ${seed})`, async () => {
      const random = randomFrom(seed);
      const first = readMarks(faultyFile(random, "web"), "compose.yaml");
      const second = readMarks(seed % 3 === 0 ? faultyFile(random, "job") : "{}\n", "second.yaml");
      const result = await load(
        { "/app/compose.yaml": first.text, "/app/second.yaml": second.text },
        { files: ["compose.yaml", "second.yaml"] },
      );
      const found = errorsOf(result).sort();
      expect(found, `${first.text}\n---\n${second.text}`).toEqual([...first.faults, ...second.faults].sort());
    });
  }
});

describe("every kind of fault", () => {
  for (const part of [...SERVICE_FAULTS, ...SYNTAX_FAULTS]) {
    it(`is reported alone: ${MARK.exec(part)?.[1]} in ${JSON.stringify(readMarks(part, "").text)}`, async () => {
      const marked = `services:\n  sound:\n    image: ok\n  ${part.replaceAll("SVC", "web")}\n`;
      const { text, faults } = readMarks(marked, "compose.yaml");
      expect(errorsOf(await load({ "/app/compose.yaml": text })).sort(), text).toEqual(faults.sort());
    });
  }

  for (const part of TOP_FAULTS) {
    it(`is reported alone: ${MARK.exec(part)?.[1]} at the top`, async () => {
      const { text, faults } = readMarks(`services: {sound: {image: ok}}\n${part}\n`, "compose.yaml");
      expect(errorsOf(await load({ "/app/compose.yaml": text })).sort(), text).toEqual(faults.sort());
    });
  }
});
