import { type Answer, type DecodedPacket, encode, type Packet, type Question } from "dns-packet";
import { formatIp, parseIp } from "../../../../lib/ip-address.ts";
import type { SandboxRecord } from "../sandbox-record.ts";
import type { Names } from "./names.ts";

/** Short: an address changes hands when a container is replaced. */
const TTL_SECONDS = 5;
const AUTHORITATIVE = 0x0400;
const RECURSION_DESIRED = 0x0100;
const RECURSION_AVAILABLE = 0x0080;
const TRUNCATED = 0x0200;
const NOT_IMPLEMENTED = 4;
const QUERY = 0;

/** What we say ourselves; undefined: somebody else is to be asked. A known name without such records is an empty answer. */
export function answerFrom(names: Names, asker: SandboxRecord, query: DecodedPacket): Packet | undefined {
  const [question, ...more] = query.questions ?? [];
  if (question === undefined || more.length > 0 || opcodeOf(query) !== QUERY)
    return respond(query, [], NOT_IMPLEMENTED);
  if (question.class !== "IN" && question.class !== undefined) return undefined;
  if (question.type === "PTR") return answerPointer(names, asker, query, question);
  const found = names.addresses(asker, question.name);
  if (found === undefined) return undefined;
  const family = question.type === "A" ? 4 : question.type === "AAAA" ? 6 : undefined;
  const answers = found
    .filter((entry) => isForAny(question) || entry.family === family)
    .map(
      (entry): Answer => ({
        type: entry.family === 4 ? "A" : "AAAA",
        name: question.name,
        ttl: TTL_SECONDS,
        data: entry.address,
      }),
    );
  return respond(query, answers);
}

export function respond(query: DecodedPacket, answers: readonly Answer[], responseCode = 0): Packet {
  const authoritative = responseCode === 0 ? AUTHORITATIVE : 0;
  return {
    type: "response",
    id: query.id ?? 0,
    flags: ((query.flags ?? 0) & RECURSION_DESIRED) | RECURSION_AVAILABLE | authoritative | responseCode,
    questions: [...(query.questions ?? [])],
    answers: [...answers],
  };
}

/**
 * As much of a response as goes into so many bytes; what is cut off says so. Some clients (musl's before 1.2.4) never
 * ask again over a stream: they need what fits.
 */
export function encodeWithin(packet: Packet, limitBytes: number): Buffer {
  let bytes = encode(packet);
  let answers = packet.answers ?? [];
  while (bytes.length > limitBytes && answers.length > 0) {
    const share = Math.floor((answers.length * limitBytes) / bytes.length);
    answers = answers.slice(0, Math.min(answers.length - 1, share));
    bytes = encode(asTruncated({ ...packet, answers }));
  }
  return bytes;
}

/** The same, with the word that there is more. */
export function asTruncated(packet: Packet): Packet {
  return { ...packet, flags: (packet.flags ?? 0) | TRUNCATED };
}

function answerPointer(
  names: Names,
  asker: SandboxRecord,
  query: DecodedPacket,
  question: Question,
): Packet | undefined {
  const address = addressOfPointer(question.name);
  const name = address === undefined ? undefined : names.pointer(asker, address);
  if (name === undefined) return undefined;
  return respond(query, [{ type: "PTR", name: question.name, ttl: TTL_SECONDS, data: name }]);
}

/** A question type that the package's types do not list. */
function isForAny(question: Question): boolean {
  return String(question.type) === "ANY";
}

function opcodeOf(query: DecodedPacket): number {
  return ((query.flags ?? 0) >> 11) & 0xf;
}

/** `4.3.2.1.in-addr.arpa` -> `1.2.3.4`. */
export function addressOfPointer(name: string): string | undefined {
  const lower = name.toLowerCase().replace(/\.$/, "");
  const ipv4 = /^((?:\d{1,3}\.){4})in-addr\.arpa$/.exec(lower)?.[1];
  if (ipv4 !== undefined) return canonical(ipv4.split(".").filter(Boolean).reverse().join("."));
  const ipv6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(lower)?.[1];
  if (ipv6 === undefined) return undefined;
  const digits = ipv6.split(".").filter(Boolean).reverse().join("");
  return canonical((digits.match(/.{4}/g) ?? []).join(":"));
}

function canonical(text: string): string | undefined {
  const address = parseIp(text);
  return address === undefined ? undefined : formatIp(address);
}
