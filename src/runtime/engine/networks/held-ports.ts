import { type PortBinding, type Protocol, RuntimeError } from "../../index.ts";
import { programAtPort } from "./program-at-port.ts";
import { type HeldPort, holdTcp, holdUdp, type ProxyTarget } from "./proxy.ts";
import type { PortRecord } from "./sandbox-record.ts";

interface Holding {
  readonly record: PortRecord;
  readonly containerId: string;
  readonly containerName: string;
  readonly held: HeldPort;
}

/** Which addresses stand for an absent one. */
const ANY_ADDRESS: readonly string[] = ["0.0.0.0", "::"];
const MOST_TRIES = 20;

/** Every published port of the machine's side, each held by a listening socket, so that nobody else gets it. */
export class HeldPorts {
  readonly #holdings = new Set<Holding>();

  /** All of them or none. Random ones are the same for IPv4 and IPv6. */
  async hold(
    owner: { readonly containerId: string; readonly containerName: string },
    bindings: readonly PortBinding[],
  ): Promise<readonly PortRecord[]> {
    const taken: Holding[] = [];
    try {
      for (const binding of bindings) taken.push(...(await this.#holdBinding(owner, binding)));
    } catch (error) {
      await Promise.all(taken.map((holding) => this.#release(holding)));
      throw error;
    }
    return taken.map(({ record }) => record);
  }

  /** What it held before a restart of ours; returns those that someone has taken meanwhile. */
  async holdAgain(
    owner: { readonly containerId: string; readonly containerName: string },
    records: readonly PortRecord[],
  ): Promise<readonly PortRecord[]> {
    const lost: PortRecord[] = [];
    for (const record of records)
      try {
        this.#add(owner, record, await holdOne(record.protocol, record.hostIp, record.hostPort));
      } catch {
        lost.push(record);
      }
    return lost;
  }

  setTargets(containerId: string, targetOf: (record: PortRecord) => ProxyTarget | undefined): void {
    for (const { record, held } of this.#of(containerId)) held.setTarget(targetOf(record));
  }

  rename(containerId: string, containerName: string): void {
    for (const holding of this.#of(containerId)) {
      this.#holdings.delete(holding);
      this.#holdings.add({ ...holding, containerName });
    }
  }

  async release(containerId: string): Promise<void> {
    await Promise.all(this.#of(containerId).map((holding) => this.#release(holding)));
  }

  async releaseAll(): Promise<void> {
    await Promise.all([...this.#holdings].map((holding) => this.#release(holding)));
  }

  /** Throws what `hold` would for the fixed ports among them. Own ones are free for oneself. */
  async check(containerId: string, bindings: readonly PortBinding[]): Promise<void> {
    for (const binding of bindings) {
      if (typeof binding.hostPort !== "number" || binding.hostPort === 0) continue;
      for (const hostIp of addressesOf(binding)) {
        const holder = this.#holderOf(binding.protocol, hostIp, binding.hostPort);
        if (holder?.containerId === containerId) continue;
        if (holder !== undefined)
          throw takenBy(hostIp, binding.hostPort, `container "${holder.containerName}"`);
        const held = await this.#tryHold(binding.protocol, hostIp, binding.hostPort);
        await held?.close();
      }
    }
  }

  async #holdBinding(
    owner: { readonly containerId: string; readonly containerName: string },
    binding: PortBinding,
  ): Promise<readonly Holding[]> {
    const { hostPort } = binding;
    if (typeof hostPort === "number" && hostPort !== 0) return this.#holdAt(owner, binding, hostPort);
    const isRange = typeof hostPort === "object";
    const candidates = isRange
      ? Array.from({ length: hostPort.last - hostPort.first + 1 }, (_, index) => hostPort.first + index)
      : Array<number>(MOST_TRIES).fill(0);
    let failure: unknown;
    for (const candidate of candidates)
      try {
        return await this.#holdAt(owner, binding, candidate);
      } catch (error) {
        failure = error;
      }
    if (!isRange || candidates.length === 1) throw failure;
    throw new RuntimeError(
      "conflict",
      `Bind for ${addressesOf(binding)[0] ?? ""}:${hostPort.first}-${hostPort.last} failed: all ports are allocated`,
      { cause: failure },
    );
  }

  async #holdAt(
    owner: { readonly containerId: string; readonly containerName: string },
    binding: PortBinding,
    wantedPort: number,
  ): Promise<readonly Holding[]> {
    const taken: Holding[] = [];
    let hostPort = wantedPort;
    try {
      for (const hostIp of addressesOf(binding)) {
        const holder = hostPort === 0 ? undefined : this.#holderOf(binding.protocol, hostIp, hostPort);
        if (holder !== undefined) throw takenBy(hostIp, hostPort, `container "${holder.containerName}"`);
        const held = await this.#tryHold(binding.protocol, hostIp, hostPort);
        // The machine has no IPv6: nothing to publish there.
        if (held === undefined) continue;
        hostPort = held.port;
        const { containerPort, protocol } = binding;
        taken.push(this.#add(owner, { containerPort, protocol, hostIp, hostPort }, held));
      }
    } catch (error) {
      await Promise.all(taken.map((holding) => this.#release(holding)));
      throw error;
    }
    return taken;
  }

  /** Undefined where an address that stands for "every address" does not exist on this machine. */
  async #tryHold(protocol: Protocol, hostIp: string, port: number): Promise<HeldPort | undefined> {
    try {
      return await holdOne(protocol, hostIp, port);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      if (hostIp === "::" && ["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL"].includes(code)) return undefined;
      // Another start of ours may have been faster.
      const holder = this.#holderOf(protocol, hostIp, port);
      if (holder !== undefined) throw takenBy(hostIp, port, `container "${holder.containerName}"`);
      throw bindFailure(protocol, hostIp, port, code, error);
    }
  }

  #holderOf(protocol: Protocol, hostIp: string, hostPort: number): Holding | undefined {
    const isAny = ANY_ADDRESS.includes(hostIp);
    return [...this.#holdings].find(
      ({ record }) =>
        record.protocol === protocol &&
        record.hostPort === hostPort &&
        record.hostIp.includes(":") === hostIp.includes(":") &&
        (isAny || ANY_ADDRESS.includes(record.hostIp) || record.hostIp === hostIp),
    );
  }

  #of(containerId: string): readonly Holding[] {
    return [...this.#holdings].filter((holding) => holding.containerId === containerId);
  }

  #add(
    { containerId, containerName }: { readonly containerId: string; readonly containerName: string },
    record: PortRecord,
    held: HeldPort,
  ): Holding {
    const holding = { record, containerId, containerName, held };
    this.#holdings.add(holding);
    return holding;
  }

  async #release(holding: Holding): Promise<void> {
    this.#holdings.delete(holding);
    await holding.held.close();
  }
}

/** The host addresses a binding stands for. */
export function addressesOf({ hostIp }: PortBinding): readonly string[] {
  if (hostIp === undefined || hostIp === "") return ANY_ADDRESS;
  return [hostIp.replace(/^\[(.*)\]$/, "$1")];
}

function holdOne(protocol: Protocol, hostIp: string, port: number): Promise<HeldPort> {
  if (protocol === "tcp") return holdTcp(hostIp, port);
  if (protocol === "udp") return holdUdp(hostIp, port);
  // Node has no SCTP sockets: the port is only kept from our own containers.
  if (port === 0)
    return Promise.reject(new RuntimeError("unsupported", "Cannot publish an sctp port without a host port"));
  return Promise.resolve({ port, setTarget: () => undefined, close: async () => undefined });
}

function takenBy(hostIp: string, port: number, owner: string): RuntimeError {
  return new RuntimeError(
    "conflict",
    `Bind for ${display(hostIp)}:${port} failed: port is already allocated (by ${owner})`,
  );
}

function bindFailure(protocol: Protocol, hostIp: string, port: number, code: string, error: unknown): Error {
  if (error instanceof RuntimeError) return error;
  if (code === "EADDRINUSE") return takenBy(hostIp, port, programAtPort(protocol, port) ?? "another program");
  const reason =
    code === "EADDRNOTAVAIL"
      ? "cannot assign requested address"
      : code === "EACCES"
        ? "permission denied"
        : code.toLowerCase();
  return new RuntimeError(
    code === "EADDRNOTAVAIL" ? "invalid" : "unavailable",
    `Bind for ${display(hostIp)}:${port} failed: ${reason}`,
    { cause: error },
  );
}

function display(hostIp: string): string {
  return hostIp.includes(":") ? `[${hostIp}]` : hostIp;
}
