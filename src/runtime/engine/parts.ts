import type {
  ContainerSpec,
  EndpointInfo,
  EndpointSpec,
  ImageDefaults,
  Images,
  MountPoint,
  Networks,
  PortBinding,
  PublishedPort,
  Volumes,
} from "../index.ts";

/** The engine is four parts that know each other by these contracts only; `engine.ts` puts them together. */

export interface ResolvedImage {
  readonly id: string;
  readonly config: ImageDefaults;
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  /** Absolute folders of the unpacked layers, topmost first (overlayfs order). */
  readonly layerDirs: readonly string[];
}

/** Who uses an image or a volume; answered by the containers part. */
export interface Users {
  /** Ids of all images that are used. */
  images(): readonly string[];
  ofImage(
    imageId: string,
  ): readonly { readonly id: string; readonly name: string; readonly isRunning: boolean }[];
  ofVolume(
    volumeName: string,
  ): readonly { readonly id: string; readonly name: string; readonly isRunning: boolean }[];
}

export interface ImagePart {
  /** The port, but for `build`. */
  readonly port: Omit<Images, "build" | "buildFiles">;
  /** `not-found` with Docker's text. For a container that is being made, the image stays until `settled`. */
  resolve(reference: string, containerId?: string): Promise<ResolvedImage>;
  /** The container speaks for itself from here on, or has come to nothing. */
  settled(containerId: string): void;
  /** After a container went: deletes images that were deleted by force while it needed them. */
  collectHeld(): Promise<void>;
  /** A new image from a parent (absent: scratch) and a tar of one new layer (absent: only configuration changes). */
  commitLayer(options: {
    readonly parentId?: string;
    readonly layer?: NodeJS.ReadableStream;
    /** The whole new configuration. */
    readonly config: ImageDefaults;
    readonly createdBy: string;
    readonly author?: string;
    readonly comment?: string;
    readonly reference?: string;
  }): Promise<{ readonly id: string }>;
  /** Drops what no reference, container or build needs, and leftovers of a crash. */
  recover(): Promise<void>;
}

/** Writable layers of containers: an overlay of image layers, our init layer, and an upper folder. */
export interface RootfsPart {
  /** Makes upper, work and init layer (real /dev, /proc, /sys, /etc/{hosts,hostname,resolv.conf} mount points, links replaced). */
  prepare(id: string, image: ResolvedImage): Promise<void>;
  /** Mounts it (once; again is a no-op); resolves to the merged folder. */
  mount(id: string, image: ResolvedImage): Promise<string>;
  unmount(id: string): Promise<void>;
  /** Where `mountImage` mounts an image for a container. */
  imageMountPoint(id: string, target: string): string;
  /** An image's files, read-only, for a mount of it on `target` of a container (again is a no-op). */
  mountImage(id: string, target: string, image: ResolvedImage): Promise<string>;
  unmountImage(id: string, target: string): Promise<void>;
  /** Unmounts and deletes; in the background where deleting takes long. */
  remove(id: string): Promise<void>;
  /** Against the image; mount points and the init layer left out. */
  changes(
    id: string,
    image: ResolvedImage,
  ): Promise<readonly { readonly path: string; readonly kind: "modified" | "added" | "deleted" }[]>;
  /** The upper folder as an OCI layer tar (whiteouts included). */
  diffTar(id: string, image: ResolvedImage): Promise<NodeJS.ReadableStream>;
  sizes(
    id: string,
    image: ResolvedImage,
  ): Promise<{ readonly writableBytes: number; readonly rootfsBytes: number }>;
  /** Removes leftovers that belong to none of `ids`. */
  recover(ids: ReadonlySet<string>): Promise<void>;
}

export interface SandboxRequest {
  readonly containerId: string;
  readonly containerName: string;
  readonly spec: ContainerSpec;
  readonly hostname: string;
  /** Resolved: by network id. */
  readonly endpoints: Readonly<Record<string, EndpointSpec>>;
  readonly exposedPorts: readonly string[];
}

/** A container's network life, from start to exit. Plain data: stored in the container's record. */
export interface Sandbox {
  /** Absent: the machine's own namespace (`host`), or another container's (`container:x`). */
  readonly netnsPath?: string;
  /** By network name. */
  readonly endpoints: Readonly<Record<string, EndpointInfo>>;
  readonly ports: readonly PublishedPort[];
  /** Texts for /etc/hosts and /etc/resolv.conf. */
  readonly hosts: string;
  readonly resolvConf: string;
}

/** Hears of a sandbox as soon as processes can be made in its namespace, though not yet let go. */
export type OnNamespace = (sandbox: Sandbox) => void;

export interface NetworkPart {
  readonly port: Omit<Networks, "connect" | "disconnect">;
  /** By name, id or prefix; `not-found`. */
  find(nameOrId: string): Promise<{ readonly id: string; readonly name: string; readonly driver: string }>;
  /** Whether every fixed host port of these is free now; `conflict` naming the port and who has it. Takes nothing. */
  checkPorts(ports: readonly PortBinding[], containerId: string): Promise<void>;
  /** Namespace, endpoints, names, published ports. All or nothing; on bridges the namespace is told of beforehand. */
  openSandbox(request: SandboxRequest, onNamespace?: OnNamespace): Promise<Sandbox>;
  /** Gives back addresses, ports, names, namespace. Again is a no-op. */
  closeSandbox(containerId: string): Promise<void>;
  /** On a running container: one more network, or one less. */
  attach(containerId: string, networkId: string, endpoint: EndpointSpec): Promise<EndpointInfo>;
  detach(containerId: string, networkId: string): Promise<void>;
  rename(containerId: string, name: string): Promise<void>;
  /** On a running container: the links of a request, in the place of those it had. */
  changeLinks(request: SandboxRequest): Promise<void>;
  /**
   * /etc/hosts and /etc/resolv.conf as they should be now: they change with `attach` and `detach`. Undefined while
   * the sandbox is not open.
   */
  texts(containerId: string): Promise<{ readonly hosts: string; readonly resolvConf: string } | undefined>;
  /** Adopts the sandboxes of what still runs (held ports, names), removes every other leftover of this instance. */
  recover(
    live: ReadonlyMap<string, { readonly request: SandboxRequest; readonly sandbox: Sandbox }>,
  ): Promise<void>;
  close(): Promise<void>;
}

export interface VolumePart {
  readonly port: Volumes;
  /**
   * Settles the mounts of a container at create: names for anonymous volumes, missing volumes made, image
   * `VOLUME`s and volumes-from folded in. `imageVolumes` are targets. Pure data comes back. Until `settled`, nobody
   * removes these volumes; after a failure, none is held.
   */
  settle(request: {
    readonly containerId: string;
    readonly spec: ContainerSpec;
    readonly imageVolumes: readonly string[];
    /** Mounts of the containers named in `volumesFrom`, in order. */
    readonly inherited: readonly MountPoint[];
  }): Promise<readonly SettledMount[]>;
  /** The container is among the users from here on, or will never be. Again is a no-op. */
  settled(containerId: string): void;
  /**
   * Before a start: folders there, copy-up of the image's content into a new empty volume (rootfs is mounted),
   * driver options mounted. Resolves to what to bind where, in mount order.
   */
  prepare(
    mounts: readonly SettledMount[],
    rootfsDir: string,
    containerId: string,
  ): Promise<readonly PreparedMount[]>;
  /** After an exit, or a start that came to nothing: undo driver mounts nobody uses any more. Again is a no-op. */
  release(mounts: readonly SettledMount[], containerId: string): Promise<void>;
  /** What `prepare` does, for who reads or writes the files of a container that does not run, until they leave. */
  visit(
    mounts: readonly SettledMount[],
    rootfsDir: string,
  ): Promise<{ readonly mounts: readonly PreparedMount[]; leave(): Promise<void> }>;
  recover(): Promise<void>;
}

export interface SettledMount extends MountPoint {
  readonly isAnonymous: boolean;
  readonly noCopy: boolean;
  readonly subpath?: string;
  /** Of a mount of an image. */
  readonly imageId?: string;
  readonly createHostPath: boolean;
  /** tmpfs options, bind flags. */
  readonly options: readonly string[];
}

export interface PreparedMount {
  readonly type: "bind" | "tmpfs";
  /** Host path; `tmpfs` for a tmpfs. */
  readonly source: string;
  readonly target: string;
  /** OCI mount options. */
  readonly options: readonly string[];
}
