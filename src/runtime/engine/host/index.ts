export { openLinuxHost } from "./linux-host.ts";
export { loadSpawn, type Program, spawnProgram } from "./spawn-program.ts";
