import { networkInterfaces } from "node:os";
import { formatIp } from "../../../lib/ip-address.ts";
import { type Libc, SystemError } from "./libc.ts";
import { hasCode } from "./mounts.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_NETFILTER = 12;
const CTNETLINK_GET = (1 << 8) | 1;
const CTNETLINK_DELETE = (1 << 8) | 2;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_DUMP = 0x300;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NETLINK_HEADER = 16;
const NETFILTER_HEADER = 4;
const TYPE_MASK = 0x3fff;

const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_DST_PORT = 3;
const IPPROTO_UDP = 17;
const AF_UNSPEC = 0;

/**
 * The kernel remembers where a flow of datagrams goes for as long as it goes on, whatever the rules say by now. Makes
 * it forget those to `ports` of this machine that end at one of `addresses`, or at the machine itself.
 */
export function forgetDatagramFlows(
  libc: Libc,
  ports: readonly number[],
  addresses: readonly string[],
): void {
  const local = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map(({ address }) => address),
  );
  const ends = new Set([...addresses, ...local]);
  const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  try {
    const stale = dump(libc, fd).filter(
      ({ protocol, port, end }) => protocol === IPPROTO_UDP && ports.includes(port) && ends.has(end),
    );
    for (const flow of stale) remove(libc, fd, flow);
  } finally {
    libc.close(fd);
  }
}

interface Flow {
  readonly family: number;
  readonly protocol: number;
  /** Asked for. */
  readonly port: number;
  /** Who answers. */
  readonly end: string;
  /** The attribute that names the flow to the kernel, as it came. */
  readonly tuple: Buffer;
}

function dump(libc: Libc, fd: number): readonly Flow[] {
  libc.send(fd, message(CTNETLINK_GET, NLM_F_DUMP, AF_UNSPEC));
  const flows: Flow[] = [];
  const buffer = Buffer.alloc(65_536);
  for (;;) {
    const length = libc.receive(fd, buffer);
    for (let at = 0; at + NETLINK_HEADER <= length; ) {
      const size = buffer.readUInt32LE(at);
      const type = buffer.readUInt16LE(at + 4);
      if (type === NLMSG_DONE) return flows;
      if (type === NLMSG_ERROR) throw new SystemError("list flows", -buffer.readInt32LE(at + NETLINK_HEADER));
      const flow = flowOf(Buffer.from(buffer.subarray(at + NETLINK_HEADER, at + size)));
      if (flow !== undefined) flows.push(flow);
      at += (size + 3) & ~3;
    }
  }
}

function remove(libc: Libc, fd: number, { family, tuple }: Flow): void {
  libc.send(fd, message(CTNETLINK_DELETE, NLM_F_ACK, family, tuple));
  const buffer = Buffer.alloc(4096);
  libc.receive(fd, buffer);
  const result = buffer.readInt32LE(NETLINK_HEADER);
  if (result === 0) return;
  const error = new SystemError("forget a flow", -result);
  if (!hasCode(error, "ENOENT")) throw error;
}

function message(
  type: number,
  flags: number,
  family: number,
  attributes: Uint8Array = Buffer.alloc(0),
): Buffer {
  const bytes = Buffer.alloc(NETLINK_HEADER + NETFILTER_HEADER + attributes.length);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(NLM_F_REQUEST | flags, 6);
  bytes.writeUInt8(family, NETLINK_HEADER);
  Buffer.from(attributes).copy(bytes, NETLINK_HEADER + NETFILTER_HEADER);
  return bytes;
}

function flowOf(body: Buffer): Flow | undefined {
  const attributes = attributesOf(body.subarray(NETFILTER_HEADER));
  const [asked, answer] = [attributes.get(CTA_TUPLE_ORIG), attributes.get(CTA_TUPLE_REPLY)];
  if (asked === undefined || answer === undefined) return undefined;
  const protocol = attributesOf(attributesOf(asked.payload).get(CTA_TUPLE_PROTO)?.payload);
  // The source of the answers is the first address of their tuple, in both families.
  const [source] = attributesOf(attributesOf(answer.payload).get(CTA_TUPLE_IP)?.payload).values();
  return {
    family: body.readUInt8(0),
    protocol: protocol.get(CTA_PROTO_NUM)?.payload.readUInt8(0) ?? 0,
    port: protocol.get(CTA_PROTO_DST_PORT)?.payload.readUInt16BE(0) ?? 0,
    end: addressText(source?.payload),
    tuple: asked.whole,
  };
}

interface Attribute {
  readonly payload: Buffer;
  readonly whole: Buffer;
}

function attributesOf(bytes: Buffer | undefined): ReadonlyMap<number, Attribute> {
  const found = new Map<number, Attribute>();
  for (let at = 0; bytes !== undefined && at + 4 <= bytes.length; ) {
    const size = bytes.readUInt16LE(at);
    if (size < 4) break;
    const end = at + ((size + 3) & ~3);
    const type = bytes.readUInt16LE(at + 2) & TYPE_MASK;
    found.set(type, { payload: bytes.subarray(at + 4, at + size), whole: bytes.subarray(at, end) });
    at = end;
  }
  return found;
}

function addressText(bytes: Buffer | undefined): string {
  if (bytes === undefined || bytes.length < 4) return "";
  const value = BigInt(`0x${bytes.toString("hex")}`);
  return formatIp({ family: bytes.length === 4 ? 4 : 6, value });
}
