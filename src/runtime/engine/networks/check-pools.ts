import {
  type Cidr,
  contains,
  formatCidr,
  overlaps,
  parseCidr,
  parseInterfaceAddress,
  parseIp,
} from "../../../lib/ip-address.ts";
import { type IpamPool, RuntimeError } from "../../index.ts";

/**
 * Says all that is wrong with the pools of a new network at once, in the words of dockerd 28: `invalid`. A pool
 * without a subnet is not looked at: it takes a free one.
 */
export function checkPools(pools: readonly IpamPool[]): void {
  const problems = pools.flatMap(problemsOf);
  if (problems.length === 0) return;
  const text = problems.length === 1 ? problems.join("") : problems.map((line) => `* ${line}`).join("\n");
  throw new RuntimeError("invalid", `invalid network config:\n${text}`);
}

function problemsOf(pool: IpamPool): readonly string[] {
  if (pool.subnet === undefined || pool.subnet === "") return [];
  const block = parseCidr(pool.subnet);
  if (block === undefined) return [`invalid subnet ${pool.subnet}: invalid CIDR block notation`];
  const problems: string[] = [];
  const look = (what: string, problem: string | undefined): void => {
    if (problem !== undefined) problems.push(`invalid ${what}: ${problem}`);
  };
  look(`subnet ${pool.subnet}`, hostBits(pool.subnet, block));
  if (isSet(pool.ipRange)) look(`ip-range ${pool.ipRange}`, rangeProblem(pool.ipRange, pool.subnet, block));
  if (isSet(pool.gateway)) look(`gateway ${pool.gateway}`, addressProblem(pool.gateway, pool.subnet, block));
  for (const [name, address] of Object.entries(pool.auxAddresses ?? {}))
    look(`auxiliary address ${name}`, addressProblem(address, pool.subnet, block));
  return problems;
}

function rangeProblem(text: string, subnetText: string, subnet: Cidr): string | undefined {
  const range = parseCidr(text);
  if (range === undefined) return "invalid CIDR block notation";
  if (range.family !== subnet.family) return `parent subnet is an IPv${subnet.family} block`;
  if (range.prefixLength < subnet.prefixLength)
    return `CIDR block is bigger than its parent subnet ${subnetText}`;
  const problem = hostBits(text, range);
  if (problem !== undefined) return problem;
  return overlaps(range, subnet) ? undefined : `parent subnet ${subnetText} doesn't contain ip-range`;
}

function addressProblem(text: string, subnetText: string, subnet: Cidr): string | undefined {
  const address = parseIp(text);
  if (address === undefined) return "invalid address";
  if (address.family !== subnet.family) return `parent subnet is an IPv${subnet.family} block`;
  return contains(subnet, address) ? undefined : `parent subnet ${subnetText} doesn't contain this address`;
}

/** What the text should be where it has bits that belong to hosts. */
function hostBits(text: string, block: Cidr): string | undefined {
  return parseInterfaceAddress(text)?.address.value === block.base
    ? undefined
    : `it should be ${formatCidr(block)}`;
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}
