import { parseIp } from "../../../lib/ip-address.ts";
import { type EndpointSpec, RuntimeError } from "../../index.ts";

/** `invalid` with dockerd's text for addresses that are none, and for any where nobody chooses addresses. */
export function checkEndpoint(network: string, endpoint: EndpointSpec, place = ""): void {
  const { ipv4Address = "", ipv6Address = "" } = endpoint;
  const isOfEngine = ["bridge", "host", "none"].includes(network) || network.startsWith("container:");
  const problems = [
    ...(isOfEngine && ipv4Address + ipv6Address !== ""
      ? ["user specified IP address is supported on user defined networks only"]
      : []),
    ...(isOfFamily(ipv4Address, 4) ? [] : [`invalid IPv4 address: ${ipv4Address}`]),
    ...(isOfFamily(ipv6Address, 6) ? [] : [`invalid IPv6 address: ${ipv6Address}`]),
  ];
  if (problems.length === 0) return;
  const text = problems.length === 1 ? problems.join() : problems.map((problem) => `* ${problem}`).join("\n");
  throw new RuntimeError("invalid", `${place}invalid endpoint settings:\n${text}`);
}

function isOfFamily(text: string, family: 4 | 6): boolean {
  return text === "" || parseIp(text)?.family === family;
}
