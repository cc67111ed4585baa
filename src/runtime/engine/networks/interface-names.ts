import { randomBytes } from "node:crypto";

/** Names of links on the host: fifteen characters at most, so six of the instance's eight digits. */
export class InterfaceNames {
  readonly bridgePrefix: string;
  readonly vethPrefix: string;

  constructor(instance: string) {
    this.bridgePrefix = `stw${instance.slice(0, 6)}`;
    this.vethPrefix = `stv${instance.slice(0, 6)}`;
  }

  get defaultBridge(): string {
    return `${this.bridgePrefix}0`;
  }

  bridge(networkId: string): string {
    return `${this.bridgePrefix}${networkId.slice(0, 6)}`;
  }

  veth(): string {
    return `${this.vethPrefix}${randomBytes(3).toString("hex")}`;
  }

  isOurs(name: string): boolean {
    return name.startsWith(this.bridgePrefix) || name.startsWith(this.vethPrefix);
  }
}
