// One DNS query to 127.0.0.11 from the namespace it is run in: `dns-query.mjs udp|tcp NAME TYPE [BYTES]`; prints the decoded answer.
// BYTES: how long a datagram may be (EDNS).
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { decode, encode, streamDecode, streamEncode } from "dns-packet";

const [kind, name, type, udpPayloadSize] = process.argv.slice(2);
const additionals =
  udpPayloadSize === undefined ? [] : [{ type: "OPT", name: ".", udpPayloadSize: Number(udpPayloadSize) }];
const query = { type: "query", id: 4711, flags: 0x100, questions: [{ type, name }], additionals };
const finish = (answer) => {
  const { rcode, answers, flag_aa, flag_tc, id } = answer;
  console.log(
    JSON.stringify({
      id,
      rcode,
      isOwn: flag_aa,
      isTruncated: flag_tc,
      data: answers.map((entry) => entry.data),
    }),
  );
  process.exit(0);
};
setTimeout(() => process.exit(3), 12_000);
if (kind === "udp") {
  const socket = createSocket("udp4");
  socket.on("message", (message) => finish(decode(message)));
  socket.send(encode(query), 53, "127.0.0.11");
} else {
  const socket = connect(53, "127.0.0.11", () => socket.write(streamEncode(query)));
  socket.on("data", (message) => finish(streamDecode(message)));
}
