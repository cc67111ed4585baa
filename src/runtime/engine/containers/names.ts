import { randomInt } from "node:crypto";
import { RuntimeError } from "../../index.ts";

const ADJECTIVES =
  "able agile amber ample apt balmy bold brave breezy bright brisk calm candid clever cosy crisp daring deft eager even fair fleet fond frank fresh gentle glad hardy hearty honest jolly keen kind lively lucid mellow merry mild neat nimble noble placid plucky polite proud quick quiet ready robust salty serene sharp shipshape snug sober sound spry steady stout sunny sure swift tidal tidy trim true trusty upbeat vivid warm wise witty zesty";
const SAILORS =
  "anson baffin banks barents bering byrd cabot cabral cartier chichester cochrane collins columbus cook dampier davis diaz drake earhart ericson fitzroy flinders franklin frobisher gama garneray hadley halley hanno hudson humboldt joyon knox laperouse lind magellan maury moitessier nansen nelson noort ohlin peary phips pytheas quast raleigh ross rous scoresby scott shackleton slocum tasman torres vespucci vancouver wallis weddell willis worsley zarco zheng";

/** `adjective_sailor`, with a number once the short ones seem taken. */
export function randomName(isFree: (name: string) => boolean): string {
  const adjectives = ADJECTIVES.split(" ");
  const sailors = SAILORS.split(" ");
  for (let attempt = 0; ; attempt++) {
    const name = `${pick(adjectives)}_${pick(sailors)}${attempt < 6 ? "" : randomInt(10, 10 ** 4)}`;
    if (isFree(name)) return name;
  }
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? "";
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Without its leading slash; `invalid` with Docker's text. */
export function checkedName(name: string): string {
  const plain = name.replace(/^\//, "");
  if (NAME.test(plain)) return plain;
  throw new RuntimeError(
    "invalid",
    `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}
