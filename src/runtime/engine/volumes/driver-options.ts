import { RuntimeError } from "../../index.ts";

/** How a volume's content gets where it lies: absent options, a plain folder; else a mount. */
export type DriverMount =
  | {
      readonly kind: "bind";
      readonly device: string;
      readonly isReadOnly: boolean;
      readonly isRecursive: boolean;
    }
  | {
      readonly kind: "file-system";
      readonly type: string;
      readonly device: string;
      readonly options: string;
    };

const KNOWN = new Set(["type", "o", "device"]);

/** Undefined: a plain folder. `invalid` for options that make no mount. As Docker's `local` driver reads them. */
export function driverMountOf(options: Readonly<Record<string, string>>): DriverMount | undefined {
  for (const key of Object.keys(options)) {
    if (key === "size") throw new RuntimeError("unsupported", "quota size requested but no quota support");
    if (!KNOWN.has(key)) throw new RuntimeError("invalid", `invalid option: "${key}"`);
  }
  const { type = "", o = "", device = "" } = options;
  if (type === "" && o === "" && device === "") return undefined;
  if (device === "")
    throw new RuntimeError("invalid", 'missing device in volume options: "device" says what to mount');
  const flags = o.split(",").filter((flag) => flag !== "");
  if (flags.includes("bind") || flags.includes("rbind")) {
    if (!device.startsWith("/"))
      throw new RuntimeError(
        "invalid",
        `invalid device "${device}" in volume options: a bind needs an absolute path`,
      );
    return {
      kind: "bind",
      device,
      isReadOnly: flags.includes("ro"),
      isRecursive: flags.includes("rbind"),
    };
  }
  if (type === "")
    throw new RuntimeError("invalid", 'missing type in volume options: "type" names the file system');
  return { kind: "file-system", type, ...networkDevice(type, device, flags) };
}

/** Docker's way to name a server is `o: addr=HOST` with `device: :/path`; the kernel's is `HOST:/path`. */
function networkDevice(
  type: string,
  device: string,
  flags: readonly string[],
): { readonly device: string; readonly options: string } {
  const address = flags.find((flag) => flag.startsWith("addr="))?.slice("addr=".length);
  const isNamed = /^nfs4?$/.test(type) && address !== undefined && device.startsWith(":");
  return { device: isNamed ? `${address}${device}` : device, options: flags.join(",") };
}
