import { compact } from "../../../lib/compact.ts";
import type { Sandbox, SandboxRequest } from "../parts.ts";
import { nameSettings } from "./name-settings.ts";
import { modeOf } from "./sandbox-mode.ts";
import type { AssignedAddress, EndpointRecord, SandboxRecord } from "./sandbox-record.ts";

/** From what the container's record tells, when the file below the run folder is lost. */
export function rebuildSandbox(request: SandboxRequest, sandbox: Sandbox): SandboxRecord {
  const mode = modeOf(request);
  return compact<SandboxRecord>({
    containerId: request.containerId,
    containerName: request.containerName,
    hostname: request.hostname,
    domainname: request.spec.domainname,
    netnsPath: sandbox.netnsPath,
    sharedWith: mode.kind === "shared" ? mode.with : undefined,
    endpoints: Object.values(sandbox.endpoints).map((endpoint, index): EndpointRecord => {
      const { networkId, networkName, endpointId = "", macAddress = "", dnsNames = [] } = endpoint;
      const { ipAddress, ipPrefixLength, gateway, globalIpv6Address, globalIpv6PrefixLength, ipv6Gateway } =
        endpoint;
      return compact<EndpointRecord>({
        networkId,
        networkName,
        endpointId,
        spec: request.endpoints[networkId] ?? {},
        link:
          ipAddress === undefined && globalIpv6Address === undefined
            ? undefined
            : { interfaceName: `eth${index}`, hostInterface: "", macAddress },
        ipv4: assigned(ipAddress, ipPrefixLength, gateway),
        ipv6: assigned(globalIpv6Address, globalIpv6PrefixLength, ipv6Gateway),
        dnsNames,
        isInternal: gateway === undefined && ipv6Gateway === undefined,
      });
    }),
    ports: sandbox.ports.flatMap(({ hostIp, hostPort, containerPort, protocol }) =>
      hostIp === undefined || hostPort === undefined ? [] : [{ hostIp, hostPort, containerPort, protocol }],
    ),
    names: nameSettings(request.spec),
  });
}

function assigned(
  address: string | undefined,
  prefixLength: number | undefined,
  gateway: string | undefined,
): AssignedAddress | undefined {
  if (address === undefined || prefixLength === undefined) return undefined;
  return compact<AssignedAddress>({ address, prefixLength, gateway });
}
