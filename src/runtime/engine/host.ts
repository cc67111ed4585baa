/**
 * All that touches the kernel's mounts, namespaces, links and packet filter. One implementation does it in a
 * worker thread, because these calls block (teardown waits for RCU). Names are ours; nothing here decides.
 * Every removal of a thing that is gone already succeeds.
 */
export interface Host {
  /** `lower` topmost first; absolute paths. `volatile`: skip syncs (throw-away layers only). */
  mountOverlay(mount: {
    readonly lower: readonly string[];
    readonly upper?: string;
    readonly work?: string;
    readonly target: string;
    readonly volatile?: boolean;
  }): Promise<void>;
  bindMount(
    source: string,
    target: string,
    options?: { readonly readOnly?: boolean; readonly recursive?: boolean },
  ): Promise<void>;
  /** `options` as mount(8) -o. */
  mount(fileSystem: string, source: string, target: string, options?: string): Promise<void>;
  /** What is mounted below it from now on is not seen where it was mounted before, and the other way round. */
  makePrivate(target: string): Promise<void>;
  /**
   * Mounts on the file or folder that a descriptor of ours holds, whoever renames it meanwhile; private, and with all
   * its (OCI) options from its first instant. False: it cannot be done here (before Linux 5.12), and nothing was.
   */
  attachMount(
    mount: { readonly type: string; readonly source: string; readonly options: readonly string[] },
    targetFd: number,
  ): Promise<boolean>;
  /** Lazy: detaches now, goes when the last user does. */
  unmount(target: string, options?: { readonly lazy?: boolean }): Promise<void>;

  /**
   * A file's copy in memory that can be executed and that nobody can change: a descriptor of ours, closed by the caller.
   * Undefined where this cannot be had.
   */
  sealedCopy(path: string): Promise<number | undefined>;

  /** Whether the open file is locked for us alone now (flock(2)), until its descriptor is closed or we end. */
  tryLock(fd: number): Promise<boolean>;

  /** A network namespace pinned at `path`, with `lo` up. */
  createNetns(path: string): Promise<void>;
  removeNetns(path: string): Promise<void>;
  /** A bridge of that name that exists is taken as it is; `conflict` when the link is no bridge. */
  createBridge(bridge: {
    readonly name: string;
    /** CIDRs of the gateway. */
    readonly addresses: readonly string[];
    readonly mtu?: number;
  }): Promise<void>;
  removeLink(name: string): Promise<void>;
  linkNames(): Promise<readonly string[]>;
  /** A veth pair: one end on the bridge (hairpin on), the other in the namespace under `interfaceName`, up, addressed. */
  connectVeth(veth: {
    readonly hostName: string;
    readonly bridge: string;
    readonly netnsPath: string;
    readonly interfaceName: string;
    readonly macAddress: string;
    /** CIDRs. */
    readonly addresses: readonly string[];
    readonly ipv4Gateway?: string;
    readonly ipv6Gateway?: string;
    readonly mtu?: number;
    /** No frames to or from other isolated ends on the same bridge. */
    readonly isolated?: boolean;
  }): Promise<void>;
  /** Deletes the pair; a namespace that is gone has taken it along. */
  disconnectVeth(netnsPath: string, interfaceName: string): Promise<void>;
  setDefaultRoute(
    netnsPath: string,
    gateways: { readonly ipv4?: string; readonly ipv6?: string },
  ): Promise<void>;
  /** Writes files below /proc/sys inside the namespace: `net/ipv4/ip_forward` -> `1`. */
  sysctl(values: Readonly<Record<string, string>>, netnsPath?: string): Promise<void>;
  /** One atomic nft transaction, in the given namespace or the machine's own. */
  nft(commands: string, netnsPath?: string): Promise<string>;
  /**
   * Datagrams go on where the first of them went, whatever the rules say by now: forgets such flows to `ports` of this
   * machine that end at one of `addresses` or at the machine itself. Where that cannot be done, nothing happens.
   */
  forgetDatagramFlows(ports: readonly number[], addresses: readonly string[]): Promise<void>;
  close(): Promise<void>;
}
