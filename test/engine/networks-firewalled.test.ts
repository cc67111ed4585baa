import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const VITEST = join(import.meta.dirname, "../../node_modules/vitest/vitest.mjs");

/** A machine of its own, as far as the network goes: one address, and other programs' rules that drop what is forwarded. */
const MACHINE = `
ip link set lo up
ip link add outside type bridge
ip addr add 198.51.100.1/24 dev outside
ip link set outside up
iptables -P FORWARD DROP
ip6tables -P FORWARD DROP
"$@"
code=$?
iptables -S FORWARD
exit $code
`;

// Docker and ufw leave a machine like that; an accept in our table does not undo a drop in theirs.
it("published ports and members of a network get past rules that drop everything forwarded", () => {
  const chosen =
    "reach the container|carry datagrams|let members|carry IPv6|a restart of the daemon|a former life";
  const output = execFileSync(
    "unshare",
    [
      "--net",
      "sh",
      "-c",
      MACHINE,
      "sh",
      process.execPath,
      VITEST,
      "run",
      "--project",
      "engine",
      "-t",
      chosen,
      "test/engine/networks.test.ts",
    ],
    { encoding: "utf8", env: { ...process.env, VITEST: undefined, NO_COLOR: "1" } },
  );
  expect(output).toMatch(/Tests\s+[5-9] passed/);
  // Ours are taken back with the last network.
  expect(output.trim().split("\n").at(-1)).toBe("-P FORWARD DROP");
}, 120_000);

it("a machine that did not forward is left as it was", () => {
  const script = `
    ip link set lo up
    ip link add outside type bridge
    ip addr add 198.51.100.1/24 dev outside
    ip link set outside up
    echo 0 > /proc/sys/net/ipv4/ip_forward
    "$@" >/dev/null 2>&1 || exit 1
    cat /proc/sys/net/ipv4/ip_forward
    nft list ruleset
    ip -br link
  `;
  const command = [
    process.execPath,
    VITEST,
    "run",
    "--project",
    "engine",
    "-t",
    "carry datagrams",
    "test/engine/networks.test.ts",
  ];
  const output = execFileSync("unshare", ["--net", "sh", "-c", script, "sh", ...command], {
    encoding: "utf8",
    env: { ...process.env, VITEST: undefined },
  });
  expect(output.split("\n").map((line) => line.split(" ")[0])).toEqual(["0", "lo", "outside", ""]);
}, 60_000);
