export { openLinuxHost } from "./linux-host.ts";
